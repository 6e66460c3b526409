# The test service: says over the serial line when it starts, that it lives, and when it stops. One write a line.
# Knows nothing of Holdfast but its marks. The world outside stamps each line with its own clock.
open(my $boot_file, '<', '/proc/sys/kernel/random/boot_id') or die;
chomp(my $boot = <$boot_file>);
open(my $out, '>>', '/dev/ttyS1') or die;
sub say_it { syswrite($out, "\@line {\"kind\":\"$_[0]\",\"pid\":$$,\"boot\":\"$boot\",\"mark\":\"$ENV{HOLDFAST_SERVICE}\"}\n") }
$SIG{TERM} = sub { say_it('stop'); exit 0 };
say_it('start');
while (1) { select(undef, undef, undef, 0.05); say_it('beat') }
