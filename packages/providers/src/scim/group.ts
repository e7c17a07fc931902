import { z } from "zod";
import { defineResource } from "../direct/index.js";
import { verbsOf } from "./resource.js";
import { groupAttributes, groupSchema } from "./schemas.js";
import type { ScimSession } from "./session.js";

const inputs = z.strictObject(groupAttributes);
const outputs = z.strictObject({
  ...groupAttributes,
  location: z.string().describe("The group's address at the service."),
});

export const group = defineResource<ScimSession>()({
  type: "scim:index:Group",
  importId: "the service's id",
  description: "A group (RFC 7643, 4.2). Its id is the service's.",
  inputs,
  outputs,
  stables: ["location"],
  ...verbsOf<typeof inputs, typeof outputs>({
    endpoint: "Groups",
    noun: "group",
    schema: groupSchema,
    nameAttribute: "displayName",
    unique: false,
    known: Object.keys(groupAttributes),
    writeOnly: [],
  }),
});
