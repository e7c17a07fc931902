/** What definitions of whole files of a system (units, cron tables, repositories) share. */
import { words } from "./report.js";

/** Reports `content` where there is a file; one that can't be read fails. */
export const reportFile = (path: string, key = "content"): string =>
  `if [ -e ${words(path)} ] || [ -h ${words(path)} ]; then blob ${key} <${words(path)} || exit 1; fi`;

export const removeFile = (path: string): string => `rm -f -- ${words(path)}`;
