# Greets into its log every ten seconds, and says goodbye when it is stopped.
trap 'echo "goodbye from $HOLDFAST_NODE"; exit 0' TERM
while :; do
  echo "hello from $HOLDFAST_NODE, process $$"
  # In the background, so that the trap need not wait for it.
  sleep 10 &
  wait $!
done
