/** Who holds a lease, as far as another process can check it. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/**
 * Equal for two processes exactly when the pid of one means something to the other: the same machine, since the same boot, in the
 * same pid namespace. Where the system tells only the host name, that.
 */
export function hostIdentity(): string {
  const boot = tryRead(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const namespace = tryRead(() => readlinkSync("/proc/self/ns/pid"));
  return [hostname(), boot, namespace].filter((part) => part !== "").join("/");
}

/** When a process started, in the system's own unit; empty where it can't be told. */
export function processStart(pid: number): string {
  return procStat(pid)?.start ?? "";
}

/** Does the process that started then still run? A zombie does not. */
export function isAlive(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, but somebody else's.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const stat = procStat(pid);
  if (stat === undefined) return true;
  if (stat.state === "Z" || stat.state === "X") return false;
  return start === "" || stat.start === start;
}

/** Fields 3 (state) and 22 (start time in clock ticks since boot) of /proc/<pid>/stat, proc_pid_stat(5). */
function procStat(pid: number): { readonly state: string; readonly start: string } | undefined {
  const text = tryRead(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  // The name before them is in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, start] = [fields[0], fields[19]];
  return state && start ? { state, start } : undefined;
}

/** Empty where the system has no such file; what can't be told is not compared. */
function tryRead(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
