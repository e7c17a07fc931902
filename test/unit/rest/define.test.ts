/** The classes that programs define: what they check, what they send, and the types of what they give. */
import { define, Provider } from "@orch/providers/rest";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";

const sent: pulumi.runtime.MockResourceArgs[] = [];
beforeAll(() =>
  pulumi.runtime.setMocks({
    newResource: (args) => {
      sent.push(args);
      return { id: `${args.name}-id`, state: { ...args.inputs, objectId: "7", result: { url: "u" } } };
    },
    call: () => ({}),
  }),
);
const value = <T>(output: pulumi.Output<T>): Promise<T> => new Promise((resolve) => output.apply(resolve));

const Ticket = define({
  name: "Ticket",
  schema: z.strictObject({
    title: z.string().min(1),
    priority: z.enum(["low", "high"]).default("low"),
    tags: z.array(z.string()).optional(),
    pin: z.string().optional().meta({ secret: true }),
  }),
  outputs: z.object({ url: z.string() }),
  path: "/tickets",
  list: { whole: true },
  find: ["title"],
});

test("a class sends its kind and properties; secrets as secrets; outputs are typed", async () => {
  const provider = new Provider("desk", {
    url: "https://desk.example.com",
    auth: { type: "bearer", token: "t0ken" },
    resources: [Ticket],
  });
  const ticket = new Ticket("disk", { title: pulumi.output("A disk"), pin: "1234" }, { provider });
  expect(await value(ticket.id)).toBe("disk-id");
  expect(await value(ticket.result.url)).toBe("u");
  expectTypeOf(ticket.result).toEqualTypeOf<pulumi.Output<{ url: string }>>();
  expectTypeOf(ticket.properties.priority).toEqualTypeOf<pulumi.Output<"low" | "high">>();
  const [config, resource] = ["pulumi:providers:rest", "rest:index:Resource"].map(
    (type) => sent.find((one) => one.type === type)?.inputs,
  );
  // The SDK's mocks hand on a secret within an object as a whole object that is secret.
  expect(resource).toMatchObject({ kind: "Ticket", properties: { value: { title: "A disk", pin: "1234" } } });
  const kinds = typeof config.resources === "string" ? JSON.parse(config.resources) : config.resources;
  expect(kinds.Ticket).toMatchObject({
    path: "/tickets",
    find: ["title"],
    outputs: ["url"],
    schema: {
      type: "object",
      additionalProperties: false,
      required: ["title"],
      properties: { pin: { secret: true }, priority: { default: "low" } },
    },
  });
  expect(await pulumi.isSecret(ticket.properties)).toBe(true);
});

test("what is wrong is said in the program, with its path; what is to come is not judged", async () => {
  const make = (properties: object) => () => new Ticket("bad", properties as never);
  expect(make({ title: "", priority: "urgent", tags: ["a", 7], titel: 1 })).toThrow(
    /Ticket "bad" is not as its schema says:\n {2}title: .*\n {2}priority: .*\n {2}tags\.1: .*/,
  );
  expect(make({ title: "t", titel: 1 })).toThrow(/titel/);
  expect(make({})).toThrow(/title/);
  const later = pulumi.output("x");
  expect(make({ title: later, tags: [later, "b"] })).not.toThrow();
  expect(make({ title: later, tags: [later, 7] })).toThrow(/tags\.1/);
  // @ts-expect-error: not a property of a ticket
  expect(() => new Ticket("typed", { title: "t", colour: "red" })).toThrow(/colour/);
});
