/** Vendors' own command lines, which know every way to log in that a person has set up. */
import { execFile } from "node:child_process";

/** The JSON that it prints; undefined when it is not installed; its last words when it fails. */
export function runTool(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly json: Record<string, unknown> } | { readonly failed: string } | undefined> {
  return new Promise((resolve) => {
    execFile(
      command,
      [...args],
      { env: { ...env }, timeout: 30_000, maxBuffer: 1 << 20, shell: process.platform === "win32" },
      (error, stdout, stderr) => {
        // 127: a shim of a version manager that stands for nothing.
        if (error !== null && (error.code === "ENOENT" || (error.code as unknown) === 127))
          return resolve(undefined);
        if (error !== null) return resolve({ failed: lastWords(stderr) ?? `it ended with ${error.code}` });
        try {
          resolve({ json: JSON.parse(stdout) as Record<string, unknown> });
        } catch {
          // What it printed may be a credential: it is not repeated.
          resolve({ failed: `${command} did not print JSON` });
        }
      },
    );
  });
}

/** The line that names an error, or the last one, in one piece. */
function lastWords(stderr: string): string | undefined {
  const lines = stderr.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
  const said = lines.findLast((line) => /error|denied|expired|could not|unable/i.test(line));
  return (said ?? lines.findLast((line) => line !== ""))?.slice(0, 200);
}
