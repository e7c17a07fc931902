/**
 * No plugin outlives orch. Plugins run in process groups of their own (so that Ctrl-C reaches orch alone, and what they start themselves can be
 * ended with them); hence nothing ends them when orch is killed. One small shell, shared by all, holds the reading end of a
 * pipe: when orch is gone, however it went, the pipe ends and the shell ends the groups that are left.
 */
import { type ChildProcess, spawn } from "node:child_process";

// `kill -INT -- -PID` is what POSIX says; dash takes no `--`.
const script = `
groups=""
while read -r op id; do
  case "$op" in
    add) groups="$groups $id" ;;
    del) left=""; for g in $groups; do [ "$g" = "$id" ] || left="$left $g"; done; groups="$left" ;;
  esac
done
[ -z "$groups" ] && exit 0
for g in $groups; do kill -INT "-$g" 2>/dev/null; done
sleep 2
for g in $groups; do kill -KILL "-$g" 2>/dev/null; done
`;

const groups = new Set<number>();
let watcher: ChildProcess | undefined;

/** Kills the group. False when there is none any more. */
export function killGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    // Windows has no process groups; the process itself is all that can be reached.
    process.kill(process.platform === "win32" ? pid : -pid, signal);
    return true;
  } catch (error) {
    // ESRCH: all gone. EPERM (macOS): only zombies are left of it.
    if (["ESRCH", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

function killAll(): void {
  for (const pid of groups) killGroup(pid, "SIGKILL");
}

/** From now on the group ends with orch. Returns the function that takes it off the list. */
export function guardGroup(pid: number): () => void {
  if (groups.size === 0) process.on("exit", killAll);
  groups.add(pid);
  tell(`add ${pid}`);
  return () => {
    if (!groups.delete(pid)) return;
    tell(`del ${pid}`);
    if (groups.size > 0) return;
    process.off("exit", killAll);
    watcher?.stdin?.end();
    watcher = undefined;
  };
}

function tell(line: string): void {
  if (process.platform === "win32") return;
  if (watcher === undefined) {
    watcher = spawn("/bin/sh", ["-c", script], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      cwd: "/",
      env: {},
    });
    // Without a shell there is no guard against kill -9; everything else works.
    watcher.on("error", () => {});
    watcher.stdin?.on("error", () => {});
    watcher.unref();
    (watcher.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  }
  watcher.stdin?.write(`${line}\n`);
}
