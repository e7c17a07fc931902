/** Gitea and Forgejo: the operations issue* and repoCreateStatus of their API, described by each server at /api/swagger. */
import { OrchError } from "@orch/core/model/failure";
import { type HttpAnswer, type HttpRequest, httpClient } from "@orch/providers/direct/http/client";
import { unexpected } from "@orch/providers/direct/http/failures";
import type { ReviewClient, ReviewComment, ReviewTarget } from "./contract.js";
import { needing, type Rights } from "./rights.js";

interface Comment {
  readonly id: number;
  readonly body: string;
  readonly html_url: string;
  readonly user: { readonly id: number } | null;
}

const tokens = "Make a token with the scopes `write:issue`, `write:repository` and `read:user`.";
const rights: Readonly<Record<"comments" | "statuses" | "user", Rights>> = {
  comments: { service: "Gitea", right: "`write:issue`", next: [tokens] },
  statuses: {
    service: "Gitea",
    right: "`write:repository`, for somebody who may write to the repository",
    next: [tokens],
  },
  user: { service: "Gitea", right: "`read:user`", next: [tokens] },
};

export function giteaClient({ apiUrl, repository, number, token }: ReviewTarget): ReviewClient {
  const service = `Gitea at ${apiUrl}`;
  const http = httpClient({ service, baseUrl: apiUrl, headers: () => ({ authorization: `token ${token}` }) });
  const repo = `repos/${repository.split("/").map(encodeURIComponent).join("/")}`;
  const { signal } = new AbortController();

  async function call(
    right: keyof typeof rights,
    doing: string,
    request: Omit<HttpRequest, "signal">,
    but?: number,
  ): Promise<HttpAnswer> {
    const answer = await needing(rights[right], () => http.send({ ...request, signal }));
    if (answer.ok || answer.status === but) return answer;
    const error = unexpected(answer, service, doing);
    if (answer.status !== 404) throw error;
    const next = [
      "Check the repository and the number. Gitea also answers 404 for what the token may not see.",
    ];
    throw new OrchError({ ...error.failure, next });
  }
  const commentOf = ({ id, body, html_url }: Comment): ReviewComment => ({
    id: String(id),
    body,
    url: html_url,
  });
  const written = (answer: HttpAnswer): ReviewComment => commentOf(answer.json<Comment>());
  const all = `${repo}/issues/${number}/comments`;
  const one = (id: string): string => `${repo}/issues/comments/${id}`;

  return {
    place: `Gitea, ${repository}#${number}`,
    async own(wanted) {
      // All of them at once: this operation knows no pages.
      const answer = await call("comments", "list the comments", { method: "GET", path: all });
      const found = answer.json<Comment[]>().filter(({ body }) => wanted(body));
      if (found.length === 0) return [];
      const asked = await call("user", "tell whose the token is", { method: "GET", path: "user" });
      const me = asked.json<{ id: number }>();
      return found.filter(({ user }) => user?.id === me.id).map(commentOf);
    },
    async byId(id) {
      const answer = await call("comments", "show a comment", { method: "GET", path: one(id) }, 404);
      // 204 for a comment of another kind.
      return answer.status === 200 ? written(answer) : undefined;
    },
    create: async (body) =>
      written(await call("comments", "write a comment", { method: "POST", path: all, body: { body } })),
    update: async (id, body) =>
      written(
        await call("comments", "change a comment", {
          ...{ method: "PATCH", path: one(id), body: { body }, idempotent: true },
        }),
      ),
    async remove(id) {
      await call("comments", "delete a comment", { method: "DELETE", path: one(id) }, 404);
    },
    async setStatus(commit, { context, state, description, url }) {
      const body = { context, state, description, ...(url === undefined ? {} : { target_url: url }) };
      const path = `${repo}/statuses/${encodeURIComponent(commit)}`;
      await call("statuses", "set a status", { method: "POST", path, body, idempotent: true });
    },
    close: () => http.close(),
  };
}
