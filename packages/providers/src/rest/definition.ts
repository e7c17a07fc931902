/** How objects of one kind are dealt with by a JSON API: data, given by the program and carried in the provider's configuration. */
import { z } from "zod";

const name = /^[A-Za-z][A-Za-z0-9_-]*$/;
const path = () => z.string().min(1);
const template = () => z.string().min(1);
const status = z
  .array(z.int().min(100).max(599))
  .min(1)
  .optional()
  .describe("Statuses that mean success. Default: 200 to 299.");
const headers = z.record(z.string(), z.string()).optional().describe("Further headers.");
const query = z
  .record(z.string(), template())
  .optional()
  .describe("The query's parameters; `{property}` as in paths.");
const common = { path: template().optional(), status, headers, query };

const paging = z
  .discriminatedUnion("by", [
    z.strictObject({ by: z.literal("link").describe("The header `Link` with rel=next (RFC 8288).") }),
    z.strictObject({
      by: z.literal("url").describe("The answer holds the next page's address."),
      next: path().describe("Where in the answer."),
    }),
    z.strictObject({
      by: z.literal("cursor").describe("The answer holds what the next request must say."),
      next: path().describe("Where in the answer."),
      parameter: z.string().describe("The query's parameter for it."),
    }),
    z.strictObject({
      by: z.literal("page").describe("Pages are numbered."),
      parameter: z.string().default("page").describe("The query's parameter. Default page."),
      first: z.int().min(0).default(1).describe("The first page's number. Default 1."),
    }),
    z.strictObject({
      by: z.literal("offset").describe("So many are left out."),
      parameter: z.string().default("offset").describe("The query's parameter. Default offset."),
    }),
  ])
  .optional()
  .describe("How the next page is had. Default: all are on one.");

export const definitionSchema = z
  .strictObject({
    schema: z
      .record(z.string(), z.unknown())
      .describe("JSON Schema of the properties; `secret: true` marks what is secret."),
    path: template().describe(
      "Of all objects: `/projects/{project}/tickets`. `{property}` is put in from the properties.",
    ),
    itemPath: template().optional().describe("Of one object. Default `<path>/{id}`."),
    id: z
      .union([
        z.strictObject({ from: path().describe("Where in the answer to the creation.") }),
        z.strictObject({ is: template().describe("The properties say it: `{name}`.") }),
        z.strictObject({
          header: z
            .string()
            .describe("The last part of the address in this header of the answer: `location`."),
        }),
      ])
      .default({ from: "id" })
      .describe("What an object's id is. Default: `id` of the answer."),
    fields: z
      .record(z.string(), path())
      .default({})
      .describe(
        "Where properties (and outputs) stand in bodies and answers, if elsewhere than under their own name: `fields.summary`.",
      ),
    wrap: path().optional().describe("Bodies are wrapped in this, and answers about one object: `ticket`."),
    create: z
      .strictObject({
        method: z.enum(["POST", "PUT"]).default("POST"),
        ...common,
        body: z.record(z.string(), z.unknown()).optional().describe("Sent along with the properties."),
        idempotencyHeader: z
          .string()
          .optional()
          .describe("A header by which the service knows a creation that is sent again: `Idempotency-Key`."),
      })
      .prefault({})
      .describe("Default: POST to `path`."),
    read: z.strictObject(common).prefault({}).describe("Default: GET of the item's path."),
    update: z
      .strictObject({
        method: z.enum(["PATCH", "PUT", "POST", "none"]).default("PATCH"),
        ...common,
        format: z
          .enum(["changed", "whole", "merge-patch", "json-patch"])
          .optional()
          .describe(
            "What is sent: the properties that changed, all of them, or a patch (RFC 7396, RFC 6902). Default: `whole` for PUT, else `changed`.",
          ),
        keepOthers: z
          .boolean()
          .default(false)
          .describe("With `whole`: what is there and not managed is sent back as it was. Default false."),
        etag: z
          .boolean()
          .default(false)
          .describe(
            "The service heeds If-Match: changes carry the ETag of what was read before. Default false.",
          ),
      })
      .prefault({})
      .describe(
        "Default: PATCH of the item's path with what changed. `none`: every change needs a new object.",
      ),
    delete: z
      .strictObject({
        method: z.enum(["DELETE", "POST", "PUT", "PATCH", "none"]).default("DELETE"),
        ...common,
        body: z.record(z.string(), z.unknown()).optional(),
        waitGone: z
          .boolean()
          .default(false)
          .describe("It takes time: wait until the object is gone. Default false."),
      })
      .prefault({})
      .describe("Default: DELETE of the item's path."),
    list: z
      .strictObject({
        path: template().optional(),
        query,
        items: path().optional().describe("Where in the answer. Default: the answer is the list."),
        whole: z
          .boolean()
          .default(false)
          .describe(
            "Listed objects have all that reading one gives: many are then read by the list. Default false.",
          ),
        paging,
        size: z
          .strictObject({ parameter: z.string(), value: z.int().min(1) })
          .optional()
          .describe("How many a page has: the query's parameter, and the number."),
      })
      .optional()
      .describe("How all objects are listed."),
    find: z
      .array(z.string())
      .min(1)
      .optional()
      .describe(
        "Properties by which an object is known in the list: a creation that was cut off is found again by them.",
      ),
    free: z
      .record(z.string(), z.unknown())
      .optional()
      .describe(
        "Properties of an object that belongs to nobody, such as a laptop in stock: one that `find` finds (or that has the id) and that has these values is taken and changed to what is asked for.",
      ),
    ready: z
      .strictObject({
        path: path().describe("Where in the answer."),
        values: z
          .array(z.union([z.string(), z.number(), z.boolean()]))
          .min(1)
          .describe("It is finished."),
        failed: z
          .array(z.union([z.string(), z.number(), z.boolean()]))
          .default([])
          .describe("It will never be."),
        everySeconds: z.number().min(0.01).default(2).describe("Seconds between two looks. Default 2."),
        timeoutSeconds: z.number().min(0.1).default(600).describe("Seconds. Default 600."),
      })
      .optional()
      .describe("Creations and changes take time: read until this holds."),
    replaceOn: z
      .array(z.string())
      .default([])
      .describe("Properties that only a new object can have otherwise; `*` for any key."),
    writeOnly: z.array(z.string()).default([]).describe("Properties that answers do not show."),
    outputs: z.array(z.string()).default([]).describe("What else of answers programs may use."),
    gone: z
      .array(z.int())
      .default([404, 410])
      .describe("Statuses that mean: no such object. Default 404 and 410."),
  })
  .refine((it) => "is" in it.id || it.create.idempotencyHeader !== undefined || it.find !== undefined, {
    path: ["find"],
    message:
      "a way to find a creation again that was cut off: `find`, `create.idempotencyHeader`, or an id that the properties say",
  })
  .refine((it) => it.free === undefined || it.update.method !== "none", {
    path: ["free"],
    message: "a way to change what is taken: `update.method` is none",
  })
  .refine((it) => it.find === undefined || it.list !== undefined, {
    path: ["list"],
    message: "a way to list, as `find` looks through the list",
  })
  .describe("One kind of object.");

/** As a program gives it. */
export type DefinitionInput = z.input<typeof definitionSchema>;
export type Definition = z.output<typeof definitionSchema>;

export const kindName = z.string().regex(name, "a name such as Ticket");
