// What a newcomer must be told, in one line: what is wrong and what to do. Never a bug of ours.

export class Complaint extends Error {
  override name = 'Complaint'
  readonly exitCode: number

  constructor(sentence: string, exitCode = 1) {
    super(sentence)
    this.exitCode = exitCode
  }
}
