// Adds up the JSON results of vitest's runs: names what failed and why, so that the end of a long log tells it, and prints
// `N passed, N failed, N skipped` alone on a line.
//
//   node .ci/sum.mjs <folder> <run>… [-- <failed stage>…]
//
// A test that several runs ran counts once, by the worst that it did; what a run skipped does not count when a later run
// had the same file. A file that could not be loaded counts as one failure, so does a run that left no results, and a
// stage that failed without a failing test.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, ...rest] = process.argv.slice(2);
const divider = rest.indexOf("--");
const runs = divider < 0 ? rest : rest.slice(0, divider);
const failedStages = divider < 0 ? [] : rest.slice(divider + 1);

/** `failed`: test → what it said. */
const tests = { passed: new Set(), failed: new Map() };
/** File → names of tests that the last run with this file skipped. */
const skippedByFile = new Map();

for (const run of runs) {
  const before = tests.failed.size;
  try {
    for (const file of JSON.parse(readFileSync(join(folder, `${run}.json`), "utf8")).testResults) {
      const skipped = [];
      for (const { status, fullName, failureMessages } of file.assertionResults) {
        const key = `${file.name} > ${fullName}`;
        if (status === "passed") tests.passed.add(key);
        else if (["pending", "skipped", "todo", "disabled"].includes(status)) skipped.push(key);
        else tests.failed.set(key, failureMessages?.[0]);
      }
      skippedByFile.set(file.name, skipped);
      const told = file.assertionResults.some(({ status }) => status === "failed");
      if (file.status === "failed" && !told) tests.failed.set(`${file.name} (${run})`, file.message);
    }
  } catch (error) {
    tests.failed.set(`run ${run}`, `it left no results: ${error.message}`);
  }
  if (tests.failed.size > before && failedStages.includes(run))
    failedStages.splice(failedStages.indexOf(run), 1);
}
for (const stage of failedStages) tests.failed.set(`stage ${stage}`, "see above");

/** Of what a failed test said; the whole is further up. */
const mostLines = 25;
for (const [key, message] of tests.failed) {
  const lines = (message ?? "").split("\n");
  const shown = lines.slice(0, mostLines).map((line) => `    ${line.slice(0, 400)}\n`);
  process.stdout.write(`FAILED ${key}\n${shown.join("")}${lines.length > mostLines ? "    …\n" : ""}`);
}

const passed = [...tests.passed].filter((key) => !tests.failed.has(key)).length;
const failed = tests.failed.size;
const skipped = [...skippedByFile.values()].flat().length;
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
process.exitCode = failed === 0 ? 0 : 1;
