/** GitLab: https://docs.gitlab.com/api/notes/#merge-requests, https://docs.gitlab.com/api/commits/#set-commit-pipeline-status. */
import { OrchError } from "@orch/core/model/failure";
import { type HttpAnswer, type HttpRequest, httpClient } from "@orch/providers/direct/http/client";
import { unexpected } from "@orch/providers/direct/http/failures";
import type { ReviewClient, ReviewComment, ReviewTarget } from "./contract.js";
import { needing, type Rights } from "./rights.js";

interface Note {
  readonly id: number;
  readonly body: string;
  readonly system: boolean;
  readonly author: { readonly id: number };
}

const perPage = 100;
const rights: Rights = {
  service: "GitLab",
  right: "`api`, with the role Developer in the project",
  next: [
    "Make a project access token with the scope `api` and the role Developer, and give it as the masked variable GITLAB_TOKEN. CI_JOB_TOKEN may not write notes.",
    "A variable that is protected is not there for branches that are not.",
  ],
};

/** Pipelines of a commit are told apart by it; without it a status may land in another one. */
export function gitlabClient(target: ReviewTarget, pipelineId?: number): ReviewClient {
  const { apiUrl, repository, number, token } = target;
  const service = `GitLab at ${apiUrl}`;
  const http = httpClient({ service, baseUrl: apiUrl, headers: () => ({ "private-token": token }) });
  const project = `projects/${encodeURIComponent(repository)}`;
  const notes = `${project}/merge_requests/${number}/notes`;
  const { signal } = new AbortController();

  async function call(
    doing: string,
    request: Omit<HttpRequest, "signal">,
    but?: number,
  ): Promise<HttpAnswer> {
    const answer = await needing(rights, () => http.send({ ...request, signal }));
    if (answer.ok || answer.status === but) return answer;
    throw answer.status === 404 ? notFound(answer, doing) : unexpected(answer, service, doing);
  }
  const notFound = (answer: HttpAnswer, doing: string): OrchError => {
    const { failure } = unexpected(answer, service, doing);
    return new OrchError({
      ...failure,
      next: [
        "Check the project and the number of the merge request. GitLab also answers 404 for what the token may not see.",
      ],
    });
  };
  // A note has no address of its own in the API's answers.
  const noteOf = ({ id, body }: Note): ReviewComment => ({
    id: String(id),
    body,
    url: `${apiUrl.replace(/\/api\/v4$/, "")}/-/p/${repository}!${number}#note_${id}`,
  });
  const written = (answer: HttpAnswer): ReviewComment => noteOf(answer.json<Note>());

  return {
    place: `GitLab, ${repository}!${number}`,
    async own(wanted) {
      const found: Note[] = [];
      for (let page = 1; ; page++) {
        const query = { per_page: perPage, page, sort: "asc", order_by: "created_at" };
        const some = (await call("list its notes", { method: "GET", path: notes, query })).json<Note[]>();
        found.push(...some.filter(({ body, system }) => !system && wanted(body)));
        if (some.length < perPage) break;
      }
      if (found.length === 0) return [];
      const me = (await call("tell whose the token is", { method: "GET", path: "user" })).json<{
        id: number;
      }>();
      return found.filter(({ author }) => author.id === me.id).map(noteOf);
    },
    async byId(id) {
      const answer = await call("show a note", { method: "GET", path: `${notes}/${id}` }, 404);
      return answer.ok ? written(answer) : undefined;
    },
    create: async (body) =>
      written(await call("write a note", { method: "POST", path: notes, body: { body } })),
    update: async (id, body) =>
      written(await call("change a note", { method: "PUT", path: `${notes}/${id}`, body: { body } })),
    async remove(id) {
      await call("delete a note", { method: "DELETE", path: `${notes}/${id}` }, 404);
    },
    async setStatus(commit, { context, state, description, url }) {
      const body = {
        state: state === "failure" ? "failed" : state,
        name: context,
        description: description.slice(0, 255),
        ...(url === undefined ? {} : { target_url: url }),
        ...(pipelineId === undefined ? {} : { pipeline_id: pipelineId }),
      };
      const path = `${project}/statuses/${commit}`;
      // Setting it to what it is has the same end.
      const answer = await call("set a status", { method: "POST", path, body, idempotent: true }, 400);
      if (!answer.ok && !/Cannot transition status via :\w+ from :(success|failed)/.test(answer.text))
        throw unexpected(answer, service, `set the status of commit ${commit}`);
    },
    close: () => http.close(),
  };
}
