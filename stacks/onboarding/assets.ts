/** The inventory of equipment: records of PocketBase's API (https://pocketbase.io/docs/api-records/), in its collection `assets`. */
import * as rest from "@orch/providers/rest";
import { z } from "zod";

/** One thing that people are handed out. Taking it out of the program puts it back in stock; its entry stays. */
export const Asset = rest.define({
  name: "Asset",
  schema: z.strictObject({
    tag: z.string().min(1),
    kind: z.string().min(1),
    model: z.string(),
    /** Employee number of who has it. */
    holder: z.string(),
    status: z.enum(["assigned", "to be returned", "in stock"]),
    note: z.string().default(""),
  }),
  path: "/api/collections/assets/records",
  list: {
    items: "items",
    whole: true,
    paging: { by: "page" },
    size: { parameter: "perPage", value: 200 },
  },
  find: ["tag"],
  free: { status: "in stock" },
  replaceOn: ["tag"],
  delete: { method: "PATCH", body: { status: "in stock", holder: "", note: "" } },
});
