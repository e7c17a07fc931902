/** Questions to the person at the terminal. */
import { createInterface } from "node:readline";
import { OrchError } from "@orch/core/model/failure";
import { outTheme } from "./session.js";

const interrupted = (): OrchError =>
  new OrchError({ reason: "interrupted", message: "Interrupted before anything was changed." });

/** One line, or undefined at the end of input (Ctrl-D). Rejects with `interrupted` on Ctrl-C. */
export function ask(question: string): Promise<string | undefined> {
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    historySize: 0,
  });
  return new Promise((resolve, reject) => {
    let answered = false;
    lines.on("SIGINT", () => {
      answered = true;
      lines.close();
      process.stdout.write("\n");
      reject(interrupted());
    });
    lines.on("close", () => {
      if (!answered) {
        process.stdout.write("\n");
        resolve(undefined);
      }
    });
    lines.question(question, (answer) => {
      answered = true;
      lines.close();
      resolve(answer.trim());
    });
  });
}

/** yes, no or details, asked until it is one of them. Anything but a clear yes is a no. */
export async function confirm(question: string, details: () => void): Promise<boolean> {
  const theme = outTheme();
  for (;;) {
    const answer = await ask(`${theme.bold(question)} ${theme.dim("[yes/no/details]")} `);
    switch (answer?.toLowerCase()) {
      case "y":
      case "yes":
        return true;
      case "d":
      case "details":
        details();
        continue;
      case undefined:
      case "":
      case "n":
      case "no":
        return false;
      default:
        process.stdout.write('Please answer "yes", "no" or "details".\n');
    }
  }
}

/** Typed or pasted ahead of the next question. */
let ahead = "";

/** A line that is not shown while it is typed. Asked on standard error, so that results can be piped. */
export function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  return new Promise((resolve, reject) => {
    // First of all: what is typed as soon as the question appears must not be echoed.
    stdin.setRawMode(true);
    stderr.write(question);
    let text = "";
    const end = (settle: () => void): void => {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      settle();
    };
    const onData = (chunk: string | Buffer): void => {
      const chars = [...(ahead + String(chunk))];
      ahead = "";
      for (let char = chars.shift(); char !== undefined; char = chars.shift()) {
        if (char === "\r" || char === "\n" || char === "\x04") {
          ahead = chars.join("");
          end(() => resolve(text));
          return;
        }
        if (char === "\x03") {
          end(() => reject(interrupted()));
          return;
        }
        if (char === "\x7f" || char === "\b") text = [...text].slice(0, -1).join("");
        else if (char === "\x15") text = "";
        else text += char;
      }
    };
    stdin.setEncoding("utf8");
    stdin.resume();
    stdin.on("data", onData);
    if (ahead !== "") onData("");
  });
}

/** Everything on standard input; one final newline, as `echo` adds it, is not part of the value. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}
