/** Where a run is, told by the variables of each CI. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { findTarget } from "../../../packages/cli/src/review/target.js";

const dir = mkdtempSync(join(tmpdir(), "orch-target-"));
afterAll(() => rmSync(dir, { recursive: true }));
const event = (json: unknown): string => {
  const file = join(dir, `${Math.random()}.json`);
  writeFileSync(file, JSON.stringify(json));
  return file;
};
const github = {
  GITHUB_ACTIONS: "true",
  GITHUB_API_URL: "https://api.github.com",
  GITHUB_SERVER_URL: "https://github.com",
  GITHUB_REPOSITORY: "acme/shop",
  GITHUB_RUN_ID: "77",
  GITHUB_SHA: "feedfeed",
  GITHUB_TOKEN: "ghs_x",
};

describe("documented variables", () => {
  test("GitHub Actions: the number and the branch's own commit come from the event", () => {
    const env = {
      ...github,
      GITHUB_REF: "refs/pull/12/merge",
      GITHUB_EVENT_PATH: event({ pull_request: { number: 12, head: { sha: "abc1234" } } }),
    };
    expect(findTarget({}, env)).toEqual({
      platform: "github",
      apiUrl: "https://api.github.com",
      repository: "acme/shop",
      number: 12,
      commit: "abc1234",
      token: "ghs_x",
      runUrl: "https://github.com/acme/shop/actions/runs/77",
    });
    expect(findTarget({}, { ...github, GITHUB_REF: "refs/pull/12/merge" })).toMatchObject({ number: 12 });
    const later = event({ workflow_run: { head_sha: "def4567", pull_requests: [{ number: 3 }] } });
    expect(findTarget({}, { ...github, GITHUB_EVENT_PATH: later })).toMatchObject({
      number: 3,
      commit: "def4567",
    });
  });

  test("Gitea Actions, which sets GitHub's variables as well", () => {
    const env = {
      ...github,
      GITEA_ACTIONS: "true",
      GITHUB_API_URL: "https://git.example.com/api/v1",
      GITHUB_SERVER_URL: "https://git.example.com",
      GITHUB_REF: "refs/pull/5/head",
    };
    expect(findTarget({}, env)).toMatchObject({
      platform: "gitea",
      apiUrl: "https://git.example.com/api/v1",
      number: 5,
      token: "ghs_x",
    });
  });

  test("GitLab CI: merge requests, merged results, and pipelines of branches", () => {
    const env = {
      GITLAB_CI: "true",
      CI_API_V4_URL: "https://gitlab.example.com/api/v4",
      CI_PROJECT_ID: "42",
      CI_COMMIT_SHA: "1111111aaa",
      CI_JOB_URL: "https://gitlab.example.com/acme/shop/-/jobs/1",
      GITLAB_TOKEN: "glpat-x",
    };
    expect(
      findTarget({}, { ...env, CI_MERGE_REQUEST_IID: "7", CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: "2222222bbb" }),
    ).toEqual({
      platform: "gitlab",
      apiUrl: "https://gitlab.example.com/api/v4",
      repository: "42",
      number: 7,
      commit: "2222222bbb",
      token: "glpat-x",
      runUrl: "https://gitlab.example.com/acme/shop/-/jobs/1",
    });
    expect(findTarget({}, { ...env, CI_OPEN_MERGE_REQUESTS: "acme/shop!9,fork/shop!3" })).toMatchObject({
      number: 9,
      commit: "1111111aaa",
    });
  });

  test("flags win, and are all that is needed elsewhere", () => {
    const flags = {
      platform: "gitea",
      "api-url": "https://git.example.com/api/v1/",
      repository: "a/b",
      number: 4,
    };
    expect(findTarget(flags, { GITEA_TOKEN: "t0ken" })).toEqual({
      platform: "gitea",
      apiUrl: "https://git.example.com/api/v1",
      repository: "a/b",
      number: 4,
      token: "t0ken",
    });
    // Variables of another platform's CI say nothing of this one, and its token is not sent there.
    expect(() => findTarget({ platform: "gitlab", number: 4 }, github)).toThrow(/the address of its API/);
    expect(findTarget({ number: 9 }, { ...github, GITHUB_REF: "refs/pull/12/merge" }).number).toBe(9);
  });
});

test.each([
  ["the platform", {}, {}],
  ["the repository", { platform: "github" }, {}],
  ["the pull request", {}, github],
  ["by its owner and its name", { platform: "github", repository: "shop", number: 1 }, {}],
  ["not one of HTTP", { platform: "github", "api-url": "file:///etc", repository: "a/b", number: 1 }, {}],
  [
    "no token for Gitea",
    { platform: "gitea", "api-url": "https://git.example.com/api/v1", repository: "a/b", number: 1 },
    github,
  ],
  ["The commit is none", { number: 1, commit: "main" }, github],
  ["no token for GitHub", { number: 1 }, { ...github, GITHUB_TOKEN: "" }],
])("says that %s is missing or wrong", (what, flags, env) => {
  expect(() => findTarget(flags, env)).toThrow(what);
});
