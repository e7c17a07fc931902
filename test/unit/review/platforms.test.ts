/**
 * The clients against recorded shapes: no platform was asked. Requests and answers are written after the vendors' documentation: GitHub's REST API
 * (issue comments, commit statuses, rate limits, permissions) and GraphQL API (nodes, IssueComment), GitLab's (notes of merge requests, users,
 * commits' pipeline status), Gitea's swagger (issue comments, users, repoCreateStatus). `nock` refuses every request that is not expected.
 */
import nock from "nock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { giteaClient } from "../../../packages/cli/src/review/gitea.js";
import { githubClient } from "../../../packages/cli/src/review/github.js";
import { gitlabClient } from "../../../packages/cli/src/review/gitlab.js";
import { withoutSecrets } from "../../../packages/cli/src/review/redact.js";
import { type Failure, OrchError } from "../../../packages/core/src/model/failure.js";

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  const pending = nock.pendingMocks();
  nock.cleanAll();
  nock.enableNetConnect();
  expect(pending).toEqual([]);
});

const marker = "<!-- orch:comment orch -->";
const marked = (body: string): boolean => body.startsWith(marker);

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => expect.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OrchError);
  return (error as OrchError).failure;
}

describe("GitHub (recorded shapes)", () => {
  const token = "ghs_0123456789abcdefghij";
  const api = "https://api.github.com";
  const said: string[] = [];
  const client = () =>
    githubClient(
      { platform: "github", apiUrl: api, repository: "acme/shop", number: 12, token },
      { say: (line) => said.push(line), retryAfterBaseMs: 1 },
    );
  const scope = () => nock(api, { reqheaders: { authorization: `token ${token}` } });
  const comment = (id: number, body: string, more: object = {}): object => ({
    ...{ id, node_id: `IC_${id}`, body, html_url: `https://github.com/acme/shop/pull/12#issuecomment-${id}` },
    ...{ issue_url: `${api}/repos/acme/shop/issues/12`, user: { login: "x", type: "User" } },
    ...more,
  });

  test("finds its own among all pages; a stranger's that looks the same is none", async () => {
    const first = Array.from({ length: 100 }, (_, i) => comment(i + 1, "hello"));
    scope()
      .get("/repos/acme/shop/issues/12/comments")
      .query({ per_page: 100, page: 1 })
      .reply(200, first)
      .get("/repos/acme/shop/issues/12/comments")
      .query({ per_page: 100, page: 2 })
      .reply(200, [comment(2_500_000_101, marker), comment(2_500_000_102, marker)])
      .post("/graphql", ({ query, variables }) => {
        expect(query).toContain("viewerDidAuthor");
        expect(variables).toEqual({ ids: ["IC_2500000101", "IC_2500000102"] });
        return true;
      })
      .reply(200, {
        data: {
          nodes: [
            { id: "IC_2500000101", viewerDidAuthor: false },
            { id: "IC_2500000102", viewerDidAuthor: true },
          ],
        },
      });
    const found = await client().own(marked);
    expect(found.map(({ id }) => id)).toEqual(["2500000102"]);
  });

  test("creates, updates, deletes, and sets a status", async () => {
    scope()
      .post("/repos/acme/shop/issues/12/comments", { body: "new" })
      .reply(201, comment(5, "new"))
      .patch("/repos/acme/shop/issues/comments/5", { body: "newer" })
      .reply(200, comment(5, "newer"))
      .delete("/repos/acme/shop/issues/comments/5")
      .reply(204)
      .delete("/repos/acme/shop/issues/comments/6")
      .reply(404, { message: "Not Found" })
      .post("/repos/acme/shop/statuses/abc123", {
        context: "orch/shop/dev",
        state: "success",
        description: "2 to create",
        target_url: "https://ci.example/1",
      })
      .reply(201, { state: "success" });
    const github = client();
    expect(await github.create("new")).toMatchObject({
      id: "5",
      url: expect.stringContaining("issuecomment-5"),
    });
    expect(await github.update("5", "newer")).toMatchObject({ body: "newer" });
    await github.remove("5");
    await github.remove("6");
    const status = { context: "orch/shop/dev", state: "success", description: "2 to create" } as const;
    await github.setStatus("abc123", { ...status, url: "https://ci.example/1" });
  });

  test("by id: not one that is gone, nor one of another pull request", async () => {
    scope()
      .get("/repos/acme/shop/issues/comments/5")
      .reply(200, comment(5, "x"))
      .get("/repos/acme/shop/issues/comments/6")
      .reply(200, comment(6, "x", { issue_url: `${api}/repos/acme/shop/issues/112` }))
      .get("/repos/acme/shop/issues/comments/7")
      .reply(404, { message: "Not Found" });
    const github = client();
    expect(await github.byId("5")).toMatchObject({ id: "5" });
    expect(await github.byId("6")).toBeUndefined();
    expect(await github.byId("7")).toBeUndefined();
  });

  test("a token that may only read: says which right it lacks, and never the token", async () => {
    scope()
      .post("/repos/acme/shop/issues/12/comments")
      .reply(
        403,
        {
          message: `Resource not accessible by integration (${token})`,
          documentation_url: "https://docs.github.com",
        },
        { "x-accepted-github-permissions": "issues=write; pull_requests=write" },
      );
    const failure = await failureOf(withoutSecrets([token], () => client().create("x")));
    expect(failure).toMatchObject({
      reason: "permission-denied",
      expected: expect.stringContaining("`pull-requests: write`"),
      found: expect.stringMatching(
        /HTTP 403: Resource not accessible.*it wants issues=write; pull_requests=write/,
      ),
    });
    expect(failure.next?.join()).toContain("workflow_run");
    expect(JSON.stringify(failure)).not.toContain(token);
  });

  test("the right to set a status is another one", async () => {
    scope()
      .post("/repos/acme/shop/statuses/abc")
      .reply(403, { message: "Resource not accessible by integration" });
    const status = { context: "c", state: "success", description: "d" } as const;
    expect(await failureOf(client().setStatus("abc", status))).toMatchObject({
      expected: expect.stringContaining("`statuses: write`"),
    });
  });

  test("a token that does not hold, and a repository that is not there or may not be seen", async () => {
    scope()
      .get("/repos/acme/shop/issues/12/comments")
      .query(true)
      .reply(401, { message: "Bad credentials" })
      .get("/repos/acme/shop/issues/12/comments")
      .query(true)
      .reply(404, { message: "Not Found" });
    expect(await failureOf(client().own(marked))).toMatchObject({ reason: "authentication-failed" });
    const missing = await failureOf(client().own(marked));
    expect(missing).toMatchObject({ reason: "provider-error", found: expect.stringContaining("HTTP 404") });
    expect(missing.next?.[0]).toContain("may not see");
  });

  test("waits when it is asked to, tries again after 502, and gives up in plain words", async () => {
    scope()
      .post("/repos/acme/shop/issues/12/comments")
      .reply(403, { message: "You have exceeded a secondary rate limit" }, { "retry-after": "2" })
      .post("/repos/acme/shop/issues/12/comments")
      .reply(502, "<html>Bad gateway</html>")
      .post("/repos/acme/shop/issues/12/comments")
      .reply(201, comment(5, "new"));
    expect(await client().create("new")).toMatchObject({ id: "5" });
    expect(said).toContain("GitHub asks to wait 2 s.");

    // Longer than a run of CI should wait.
    scope()
      .post("/repos/acme/shop/issues/12/comments")
      .reply(
        403,
        { message: "API rate limit exceeded" },
        {
          "x-ratelimit-remaining": "0",
          "x-ratelimit-reset": String(Math.floor(Date.now() / 1000) + 3_000),
        },
      );
    expect(await failureOf(client().create("new"))).toMatchObject({ reason: "throttled" });
  });

  test("nobody there", async () => {
    scope()
      .persist()
      .get("/repos/acme/shop/issues/12/comments")
      .query(true)
      .replyWithError("getaddrinfo ENOTFOUND");
    const failure = await failureOf(client().own(marked));
    nock.cleanAll();
    expect(failure).toMatchObject({
      reason: "connection-failed",
      found: expect.stringContaining("ENOTFOUND"),
    });
  });
});

describe("GitLab (recorded shapes)", () => {
  const token = "glpat-0123456789abcdefghij";
  const api = "https://gitlab.example.com/api/v4";
  const client = () =>
    gitlabClient({ platform: "gitlab", apiUrl: api, repository: "acme/shop", number: 7, token }, 990);
  const scope = () => nock("https://gitlab.example.com", { reqheaders: { "private-token": token } });
  const notes = "/api/v4/projects/acme%2Fshop/merge_requests/7/notes";
  const note = (id: number, body: string, author = 1, system = false): object => ({
    ...{ id, body, system, author: { id: author, username: `u${author}` }, noteable_type: "MergeRequest" },
  });

  test("finds its own among all pages", async () => {
    const first = Array.from({ length: 100 }, (_, i) => note(i + 1, "hello"));
    const query = { per_page: "100", sort: "asc", order_by: "created_at" };
    scope()
      .get(notes)
      .query({ ...query, page: "1" })
      .reply(200, first)
      .get(notes)
      .query({ ...query, page: "2" })
      .reply(200, [note(101, marker, 2), note(102, marker, 9), note(103, marker, 9, true)])
      .get("/api/v4/user")
      .reply(200, { id: 9, username: "project_42_bot" });
    expect((await client().own(marked)).map(({ id }) => id)).toEqual(["102"]);
  });

  test("creates, updates, deletes", async () => {
    scope()
      .post(notes, { body: "new" })
      .reply(201, note(5, "new"))
      .put(`${notes}/5`, { body: "newer" })
      .reply(200, note(5, "newer"))
      .delete(`${notes}/5`)
      .reply(204)
      .delete(`${notes}/6`)
      .reply(404, { message: "404 Not found" })
      .get(`${notes}/6`)
      .reply(404, { message: "404 Not found" });
    const gitlab = client();
    expect(await gitlab.create("new")).toMatchObject({ id: "5", body: "new" });
    expect(await gitlab.update("5", "newer")).toMatchObject({ body: "newer" });
    await gitlab.remove("5");
    await gitlab.remove("6");
    expect(await gitlab.byId("6")).toBeUndefined();
  });

  test("sets a status; setting it to what it is already is no failure", async () => {
    const body = { state: "failed", name: "orch/shop/dev", description: "failed", pipeline_id: 990 };
    scope()
      .post("/api/v4/projects/acme%2Fshop/statuses/abc", body)
      .reply(201, { status: "failed" })
      .post("/api/v4/projects/acme%2Fshop/statuses/abc", body)
      .reply(400, {
        message: "Cannot transition status via :drop from :failed (Reason(s): Status cannot transition)",
      })
      .post("/api/v4/projects/acme%2Fshop/statuses/abc", body)
      .reply(400, { message: "name is too long" });
    const status = { context: "orch/shop/dev", state: "failure", description: "failed" } as const;
    await client().setStatus("abc", status);
    await client().setStatus("abc", status);
    expect(await failureOf(client().setStatus("abc", status))).toMatchObject({
      reason: "provider-error",
      found: expect.stringContaining("name is too long"),
    });
  });

  test("refusals name the right, and never the token", async () => {
    scope()
      .post(notes)
      .reply(403, {
        error: "insufficient_scope",
        error_description: `higher privileges than ${token}`,
        scope: "api",
      })
      .post(notes)
      .reply(401, { message: "401 Unauthorized" })
      .get(notes)
      .query(true)
      .reply(404, { message: "404 Project Not Found" });
    const denied = await failureOf(withoutSecrets([token], () => client().create("x")));
    expect(denied).toMatchObject({
      reason: "permission-denied",
      expected: expect.stringContaining("`api`"),
    });
    expect(denied.next?.join()).toContain("CI_JOB_TOKEN may not write notes");
    expect(JSON.stringify(denied)).not.toContain(token);
    expect(await failureOf(client().create("x"))).toMatchObject({ reason: "authentication-failed" });
    expect((await failureOf(client().own(marked))).next?.join()).toContain("may not see");
  });

  test("is throttled, and tries again", async () => {
    scope()
      .post(notes)
      .reply(429, "Retry later", { "retry-after": "0" })
      .post(notes)
      .reply(201, note(5, "new"));
    expect(await client().create("new")).toMatchObject({ id: "5" });
  });
});

describe("Gitea (recorded shapes)", () => {
  const token = "0123456789abcdef0123456789abcdef01234567";
  const api = "https://git.example.com/api/v1";
  const client = () =>
    giteaClient({ platform: "gitea", apiUrl: api, repository: "acme/shop", number: 3, token });
  const scope = () => nock("https://git.example.com", { reqheaders: { authorization: `token ${token}` } });
  const repo = "/api/v1/repos/acme/shop";
  const comment = (id: number, body: string, user = 1): object => ({
    ...{ id, body, html_url: `https://git.example.com/acme/shop/pulls/3#issuecomment-${id}` },
    ...{ user: { id: user, login: `u${user}` }, created_at: "2026-01-31T09:05:00Z" },
  });

  test("finds its own, also as the user of its Actions", async () => {
    scope()
      .get(`${repo}/issues/3/comments`)
      .reply(200, [comment(1, "hello"), comment(2, marker, 4), comment(3, marker, -2)])
      .get("/api/v1/user")
      .reply(200, { id: -2, login: "gitea-actions" });
    expect((await client().own(marked)).map(({ id }) => id)).toEqual(["3"]);
  });

  test("creates, updates, deletes, and sets a status", async () => {
    const status = { context: "orch/shop/dev", state: "success", description: "nothing to do" } as const;
    scope()
      .post(`${repo}/issues/3/comments`, { body: "new" })
      .reply(201, comment(5, "new"))
      .patch(`${repo}/issues/comments/5`, { body: "newer" })
      .reply(200, comment(5, "newer"))
      .delete(`${repo}/issues/comments/5`)
      .reply(204)
      .get(`${repo}/issues/comments/6`)
      .reply(404, { message: "not found" })
      .post(`${repo}/statuses/abc`, { ...status, target_url: "https://ci.example/1" })
      .reply(201, { id: 1, status: "success" });
    const gitea = client();
    expect(await gitea.create("new")).toMatchObject({ id: "5" });
    expect(await gitea.update("5", "newer")).toMatchObject({ body: "newer" });
    await gitea.remove("5");
    expect(await gitea.byId("6")).toBeUndefined();
    await gitea.setStatus("abc", { ...status, url: "https://ci.example/1" });
  });

  test("refusals name the scope", async () => {
    const message =
      "token does not have at least one of required scope(s), required=[write:issue], token scope=read:issue";
    scope()
      .post(`${repo}/issues/3/comments`)
      .reply(403, { message, url: "https://git.example.com/api/swagger" })
      .get(`${repo}/issues/3/comments`)
      .reply(200, [comment(3, marker)])
      .get("/api/v1/user")
      .reply(403, { message: "token does not have at least one of required scope(s), required=[read:user]" });
    expect(await failureOf(client().create("x"))).toMatchObject({
      reason: "permission-denied",
      expected: "the right `write:issue`",
      found: expect.stringContaining("required=[write:issue]"),
    });
    expect(await failureOf(client().own(marked))).toMatchObject({ expected: "the right `read:user`" });
  });

  test("gone during the writing of an update: tried again, as twice is the same as once", async () => {
    scope()
      .patch(`${repo}/issues/comments/5`)
      .reply(502, "bad gateway")
      .patch(`${repo}/issues/comments/5`)
      .reply(200, comment(5, "newer"));
    expect(await client().update("5", "newer")).toMatchObject({ body: "newer" });
  });
});
