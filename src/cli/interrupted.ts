/** A command was interrupted and left something to go on from; the message says what. Others left nothing. */
export class Interrupted extends Error {}
