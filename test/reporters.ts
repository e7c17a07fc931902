/** Vitest's usual output, and with ORCH_TEST_RESULTS=<folder> also a JSON file there, which .ci/run adds up. */
export function reporters(name: string): ("default" | ["json", { outputFile: string }])[] {
  const folder = process.env.ORCH_TEST_RESULTS;
  return folder ? ["default", ["json", { outputFile: `${folder}/${name}.json` }]] : ["default"];
}
