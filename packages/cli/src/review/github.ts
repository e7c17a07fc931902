/** GitHub and GitHub Enterprise: https://docs.github.com/en/rest/issues/comments, and .../rest/commits/statuses. */
import { Octokit } from "@octokit/core";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import { OrchError } from "@orch/core/model/failure";
import type { ReviewClient, ReviewComment, ReviewTarget } from "./contract.js";
import { explained, type Rights } from "./rights.js";

export interface GitHubOptions {
  /** Told when GitHub has it wait. */
  readonly say: (line: string) => void;
  /** Between tries, in ms; for tests. Default 1,000. */
  readonly retryAfterBaseMs?: number;
}

/** Longer than this is not waited: a run of CI costs as it waits. In seconds. */
const longestWait = 120;
const timeoutMs = 30_000;
const perPage = 100;

interface Comment {
  readonly id: number | bigint;
  readonly node_id: string;
  readonly body?: string | null | undefined;
  readonly html_url: string;
}

const forks =
  "In runs for pull requests from forks the token can only read: comment from a `workflow_run` instead; see docs/ci/github-actions.md.";
const rights = {
  comments: {
    service: "GitHub",
    right: "`pull-requests: write` (for an issue `issues: write`)",
    next: [
      "Give the job `permissions: { pull-requests: write }`; a fine-grained token needs Pull requests: Read and write.",
      forks,
    ],
  },
  statuses: {
    service: "GitHub",
    right: "`statuses: write`",
    next: [
      "Give the job `permissions: { statuses: write }`; a fine-grained token needs Commit statuses: Read and write.",
      forks,
    ],
  },
} as const satisfies Record<string, Rights>;

export function githubClient(target: ReviewTarget, options: GitHubOptions): ReviewClient {
  const { repository, number, token, apiUrl } = target;
  const [owner, repo] = repository.split("/") as [string, string];
  const base = options.retryAfterBaseMs ?? 1_000;
  const mayWait = (seconds: number, _request: object, _octokit: object, tries: number): boolean => {
    const wait = seconds <= longestWait && tries < 3;
    if (wait) options.say(`GitHub asks to wait ${seconds} s.`);
    return wait;
  };
  const Client = Octokit.plugin(retry, throttling);
  const silent = (): void => undefined;
  const octokit = new Client({
    auth: token,
    baseUrl: apiUrl,
    userAgent: "orch",
    log: { debug: silent, info: silent, warn: silent, error: silent },
    retry: { retryAfterBaseValue: base },
    throttle: { onRateLimit: mayWait, onSecondaryRateLimit: mayWait, retryAfterBaseValue: base },
    request: {
      fetch: (url: string, init: RequestInit) =>
        fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) }),
    },
  });

  async function call<T>(what: Rights, doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new OrchError(explained(failureOf(error, doing, apiUrl), what), { cause: error });
    }
  }

  const commentOf = ({ id, body, html_url }: Comment): ReviewComment => ({
    id: String(id),
    body: body ?? "",
    url: html_url,
  });

  return {
    place: `GitHub, ${repository}#${number}`,
    async own(wanted) {
      const doing = `read the comments of ${repository}#${number}`;
      const found: Comment[] = [];
      for (let page = 1; ; page++) {
        const { data } = await call(rights.comments, doing, () =>
          octokit.request("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", {
            ...{ owner, repo, issue_number: number, per_page: perPage, page },
          }),
        );
        found.push(...data.filter(({ body }) => wanted(body ?? "")));
        if (data.length < perPage) break;
      }
      if (found.length === 0) return [];
      // Who a token stands for can't be asked of every kind of token; what it has written itself can.
      const { nodes } = await call(rights.comments, doing, () =>
        octokit.graphql<{ nodes: readonly ({ id?: string; viewerDidAuthor?: boolean } | null)[] }>(
          "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on IssueComment { id viewerDidAuthor } } }",
          { ids: found.slice(0, 100).map(({ node_id }) => node_id) },
        ),
      );
      const own = new Set(nodes.flatMap((node) => (node?.viewerDidAuthor ? [node.id] : [])));
      return found.filter(({ node_id }) => own.has(node_id)).map(commentOf);
    },
    async byId(id) {
      try {
        const { data } = await octokit.request("GET /repos/{owner}/{repo}/issues/comments/{comment_id}", {
          ...{ owner, repo, comment_id: Number(id) },
        });
        // It may have been taken from another pull request.
        return data.issue_url.endsWith(`/issues/${number}`) ? commentOf(data) : undefined;
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw new OrchError(explained(failureOf(error, `read comment ${id}`, apiUrl), rights.comments), {
          cause: error,
        });
      }
    },
    create: (body) =>
      call(rights.comments, `comment on ${repository}#${number}`, async () => {
        const { data } = await octokit.request("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", {
          ...{ owner, repo, issue_number: number, body },
        });
        return commentOf(data);
      }),
    update: (id, body) =>
      call(rights.comments, `change comment ${id} of ${repository}#${number}`, async () => {
        const { data } = await octokit.request("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", {
          ...{ owner, repo, comment_id: Number(id), body },
        });
        return commentOf(data);
      }),
    remove: (id) =>
      call(rights.comments, `delete comment ${id} of ${repository}#${number}`, async () => {
        await octokit
          .request("DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}", {
            ...{ owner, repo, comment_id: Number(id) },
          })
          .catch((error: unknown) => {
            if (statusOf(error) !== 404) throw error;
          });
      }),
    setStatus: (commit, { context, state, description, url }) =>
      call(rights.statuses, `set the status of commit ${commit}`, async () => {
        await octokit.request("POST /repos/{owner}/{repo}/statuses/{sha}", {
          ...{ owner, repo, sha: commit, context, state, description: description.slice(0, 140) },
          ...(url === undefined ? {} : { target_url: url }),
        });
      }),
    close: async () => undefined,
  };
}

/** Of an answer. Octokit gives 500 to what had none. */
const statusOf = (error: unknown): number | undefined => {
  const { response, status } = error as { response?: unknown; status?: number };
  return response === undefined ? undefined : status;
};

function failureOf(error: unknown, doing: string, apiUrl: string): OrchError["failure"] {
  const { message } = error as Error;
  const { response } = error as { response?: { headers?: Record<string, string | undefined> } };
  const headers = response?.headers ?? {};
  const status = statusOf(error);
  const graphql = (error as { errors?: readonly { type?: string }[] }).errors?.map(({ type }) => type) ?? [];
  const found = status === undefined ? message : `HTTP ${status}: ${message}`;
  if (status === undefined && graphql.length === 0)
    return {
      reason:
        (error as Error & { cause?: Error }).cause?.name === "TimeoutError" ? "timeout" : "connection-failed",
      message: `GitHub could not be reached to ${doing}.`,
      expected: `an answer from ${apiUrl}`,
      found: message,
      next: ["Check the address, and that this machine may reach it; then run the same command again."],
    };
  if (status === 401) return { reason: "authentication-failed", message, found };
  if (status === 429 || /rate limit/i.test(message))
    return {
      reason: "throttled",
      message: `GitHub takes no more requests for now; it was asked to ${doing}.`,
      expected: "an answer",
      found,
      next: ["Run the same command again later."],
    };
  if (status === 403 || graphql.some((type) => type === "FORBIDDEN" || type === "INSUFFICIENT_SCOPES")) {
    const wanted = headers["x-accepted-github-permissions"];
    const said = wanted === undefined ? found : `${found} (it wants ${wanted})`;
    return { reason: "permission-denied", message, found: said };
  }
  return {
    reason: "provider-error",
    message: `GitHub refused to ${doing}.`,
    found,
    next:
      status === 404
        ? [
            "Check the repository and the number. GitHub also answers 404 for what the token may not see: it needs to be for this repository.",
          ]
        : ["Correct what it names, and run the same command again."],
  };
}
