/** Work under way that nobody awaits where it is begun. The first failure is kept for whoever asks. */
export class TaskSet {
  private readonly running = new Set<Promise<void>>();
  private failure: { readonly error: unknown } | undefined;

  add(task: Promise<void>): void {
    const tracked = task
      .catch((error: unknown) => {
        this.failure ??= { error };
      })
      .finally(() => {
        this.running.delete(tracked);
      });
    this.running.add(tracked);
  }

  /** Resolves when nothing is under way; rejects with the first failure since the last call. */
  async settled(): Promise<void> {
    while (this.running.size > 0) {
      await Promise.all(this.running);
    }
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) {
      throw failure.error;
    }
  }
}
