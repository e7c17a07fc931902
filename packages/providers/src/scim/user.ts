import { z } from "zod";
import { defineResource } from "../direct/index.js";
import { verbsOf } from "./resource.js";
import { userAttributes, userSchema } from "./schemas.js";
import type { ScimSession } from "./session.js";

const inputs = z.strictObject({
  ...userAttributes,
  password: z
    .string()
    .min(1)
    .meta({ secret: true })
    .optional()
    .describe("Set when the user is made and when it changes. Services never give it back."),
  onDelete: z
    .enum(["delete", "deactivate"])
    .default("delete")
    .describe(
      "What deleting the resource does to the account: removes it, or only sets `active` to false. Default delete.",
    ),
});
const outputs = z.strictObject({
  ...userAttributes,
  active: z.boolean().optional().describe("Whether the account may be used."),
  location: z.string().describe("The user's address at the service."),
});

export const user = defineResource<ScimSession>()({
  type: "scim:index:User",
  importId: "the service's id",
  description:
    "A user (RFC 7643, 4.1), with the enterprise extension (4.3) and others. Its id is the service's.",
  inputs,
  outputs,
  stables: ["location"],
  ...verbsOf<typeof inputs, typeof outputs>({
    endpoint: "Users",
    noun: "user",
    schema: userSchema,
    nameAttribute: "userName",
    unique: true,
    known: Object.keys(userAttributes),
    writeOnly: ["password"],
  }),
});
