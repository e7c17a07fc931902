// Adds up the JSON results of vitest's runs and prints `N passed, N failed, N skipped` alone on a line.
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

const tests = { passed: new Set(), failed: new Set() };
/** File → names of tests that the last run with this file skipped. */
const skippedByFile = new Map();

for (const run of runs) {
  const before = tests.failed.size;
  try {
    for (const file of JSON.parse(readFileSync(join(folder, `${run}.json`), "utf8")).testResults) {
      const skipped = [];
      for (const { status, fullName } of file.assertionResults) {
        const key = `${file.name} > ${fullName}`;
        if (status === "passed") tests.passed.add(key);
        else if (["pending", "skipped", "todo", "disabled"].includes(status)) skipped.push(key);
        else tests.failed.add(key);
      }
      skippedByFile.set(file.name, skipped);
      const told = file.assertionResults.some(({ status }) => status === "failed");
      if (file.status === "failed" && !told) tests.failed.add(`${file.name} (${run})`);
    }
  } catch (error) {
    process.stdout.write(`no results of ${run}: ${error.message}\n`);
    tests.failed.add(`run ${run}`);
  }
  if (tests.failed.size > before && failedStages.includes(run))
    failedStages.splice(failedStages.indexOf(run), 1);
}
for (const stage of failedStages) tests.failed.add(`stage ${stage}`);

const passed = [...tests.passed].filter((key) => !tests.failed.has(key)).length;
const failed = tests.failed.size;
const skipped = [...skippedByFile.values()].flat().length;
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
process.exitCode = failed === 0 ? 0 : 1;
