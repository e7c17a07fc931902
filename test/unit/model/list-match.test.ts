import { matchItems } from "@orch/core/model/list-match";
import { Secret } from "@orch/core/model/value";
import { describe, expect, test } from "vitest";

describe("items of lists", () => {
  test("are the same by what names them, wherever they stand", () => {
    const before = [
      { name: "a", port: 1 },
      { name: "b", port: 2 },
      { name: "c", port: 3 },
    ];
    const after = [
      { name: "new", port: 0 },
      { name: "c", port: 3 },
      { name: "a", port: 9 },
    ];
    expect(matchItems(before, after)).toEqual({
      key: "name",
      pairs: [{ after: 0 }, { before: 1 }, { before: 2, after: 1 }, { before: 0, after: 2 }],
      reordered: true,
    });
  });

  test("an item that goes stands where it stood", () => {
    const { pairs, reordered } = matchItems([{ id: 1 }, { id: 2 }, { id: 3 }], [{ id: 1 }, { id: 3 }]);
    expect(pairs).toEqual([{ before: 0, after: 0 }, { before: 1 }, { before: 2, after: 1 }]);
    expect(reordered).toBe(false);
  });

  test("nothing names them where a name is missing, twice there, or secret", () => {
    const lists = [
      [[{ name: "a" }, {}], [{ name: "a" }]],
      [[{ name: "a" }, { name: "a" }], [{ name: "a" }]],
      [[{ name: new Secret("a") }], [{ name: new Secret("a") }]],
      [["a"], [{ name: "a" }]],
      [[], [{ name: "a" }]],
    ] as const;
    for (const [before, after] of lists) expect(matchItems(before, after).key).toBeUndefined();
  });

  test("what only tells items apart names them while most of them stay", () => {
    const ports = (...all: number[]) => all.map((port) => ({ port, from: "all" }));
    expect(matchItems(ports(80, 22), ports(22, 443)).key).toBe("port");
    expect(matchItems(ports(80), ports(8080))).toEqual({
      pairs: [{ before: 0, after: 0 }],
      reordered: false,
    });
  });

  test("without names equal items pair first, the rest in order", () => {
    const before = [{ from: 1 }, { from: 2 }, { from: 3 }];
    const after = [{ from: 3 }, { from: 1 }, { from: 9 }];
    expect(matchItems(before, after).pairs).toEqual([
      { before: 2, after: 0 },
      { before: 0, after: 1 },
      { before: 1, after: 2 },
    ]);
  });

  test("of several equal items the one in the same place stayed", () => {
    expect(matchItems(["x", "y", "x"], ["x", "x"])).toEqual({
      pairs: [{ before: 0, after: 0 }, { before: 1 }, { before: 2, after: 1 }],
      reordered: false,
    });
  });
});
