interface Placed {
  /** Its place among the open ones; -1: it is none of them. */
  openAt: number;
}

/**
 * The replies that are not sent yet, in no order. No Set: V8 gives that a new table every few dozen requests, each old
 * table points to the next one, and so one that has grown old keeps all requests that came after it until the next full
 * collection (docs/adr/0012).
 */
export class OpenReplies<T extends Placed> {
  private readonly replies: T[] = [];

  add(reply: T): void {
    reply.openAt = this.replies.push(reply) - 1;
  }

  /** The last one takes its place. Does nothing with one that is out already. */
  remove(reply: T): void {
    if (reply.openAt === -1) return;
    const last = this.replies.pop()!;
    if (last !== reply) {
      this.replies[reply.openAt] = last;
      last.openAt = reply.openAt;
    }
    reply.openAt = -1;
  }

  /** Each that is open now; it may be removed meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    // From the end: whatever takes the place of a removed one has been given already.
    for (let at = this.replies.length - 1; at >= 0; at -= 1) yield this.replies[at]!;
  }
}
