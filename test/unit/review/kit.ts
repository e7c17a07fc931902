/** Sections, and a platform in memory, for tests of comments. */
import { planMarkdown } from "../../../packages/cli/src/render/markdown/plan.js";
import { parseSections, type Section } from "../../../packages/cli/src/render/markdown/section.js";
import type { CommitStatus, ReviewClient, ReviewComment } from "../../../packages/cli/src/review/contract.js";
import { fullPlan } from "../render/plans.js";

export const section = (stack: string, at: number): Section =>
  parseSections(
    planMarkdown({ ...fullPlan(), stack, createdAt: at }, { digest: "d1".repeat(32) }),
  )[0] as Section;

export interface MemoryClient extends ReviewClient {
  readonly comments: ReviewComment[];
  readonly statuses: CommitStatus[];
  /** Called before each write, as another run could come between. */
  before: ((verb: "create" | "update" | "remove") => void) | undefined;
}

export function memoryClient(): MemoryClient {
  let ids = 0;
  const comments: ReviewComment[] = [];
  const client: MemoryClient = {
    place: "a test",
    comments,
    statuses: [],
    before: undefined,
    own: async (wanted) => comments.filter(({ body }) => wanted(body)),
    byId: async (id) => comments.find((one) => one.id === id),
    async create(body) {
      client.before?.("create");
      const made = { id: String(++ids), body, url: `https://example.org/${ids}` };
      comments.push(made);
      return made;
    },
    async update(id, body) {
      client.before?.("update");
      const i = comments.findIndex((one) => one.id === id);
      const made = { ...(comments[i] as ReviewComment), body };
      comments[i] = made;
      return made;
    },
    async remove(id) {
      client.before?.("remove");
      comments.splice(
        comments.findIndex((one) => one.id === id),
        1,
      );
    },
    async setStatus(_commit, status) {
      client.statuses.push(status);
    },
    close: async () => undefined,
  };
  return client;
}
