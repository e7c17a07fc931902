/** What the lab's servers have in common: a free port, and an end that comes whatever happens to the test run. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Socket } from "node:net";

export const HOST = "127.0.0.1";

/** A port of loopback that nobody listens on. Somebody may take it before it is used: try again with another. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/**
 * A test run that is stopped half-way, even by SIGKILL, must not leave a server behind: a shell that waits for the end of its input,
 * which comes when this process is gone, ends it with `signal`, and with `after` runs that once it has ended.
 */
export function endWithThisProcess(
  child: ChildProcess,
  signal: "TERM" | "INT" | "QUIT" = "TERM",
  after?: string,
): void {
  const then =
    after === undefined
      ? ""
      : `; n=0; while kill -0 "$0" && [ $n -lt 20 ]; do sleep 0.5; n=$((n+1)); done; kill -9 "$0"; ${after}`;
  const guard = spawn("/bin/sh", ["-c", `read -r _; kill -${signal} "$0"${then}`, String(child.pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    // Out of the reach of a Ctrl-C, which goes to the whole group of the test run.
    detached: true,
  });
  guard.unref();
  (guard.stdin as Socket).unref();
  child.once("exit", () => guard.kill("SIGKILL"));
}
