/** Entries found by what stays theirs when they are renamed: `entryUUID` (RFC 4530), in Active Directory `objectGUID`. */
import { fail } from "@orch/core/model/failure";
import type { ObjectChange } from "@orch/core/provider/contract";
import { EqualityFilter, OrFilter } from "ldapts";
import type { DirectoryEntry, LdapConnection, Query } from "./connection.js";
import { isBelow, isDn } from "./dn.js";

const uuidText = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => uuidText.test(text);

/** The first three groups are stored with their bytes reversed (MS-DTYP 2.3.4.2). */
const guidOrder = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;
export function guidText(bytes: Buffer): string {
  const hex = Buffer.from(guidOrder.map((i) => bytes[i] as number)).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
export function guidBytes(text: string): Buffer {
  const plain = Buffer.from(text.replaceAll("-", ""), "hex");
  return Buffer.from(guidOrder.map((i) => plain[i] as number));
}

/** What the root entry says of the server. */
export interface RootEntry {
  readonly contexts: readonly string[];
  /** The domain, in Active Directory. */
  readonly defaultContext: string | undefined;
  readonly isActiveDirectory: boolean;
}

/** An id and where the object was last seen. */
export interface Wanted {
  /** A UUID, or a name: on import, or of a server that has no UUIDs. */
  readonly id: string;
  readonly dn: string | undefined;
}

/** Ids per search: the answer stays below what servers give without paging (500 for OpenLDAP, 1,000 for Active Directory). */
const chunkSize = 250;

export const text = (entry: DirectoryEntry, attribute: string): string | undefined =>
  entry.attributes.get(attribute.toLowerCase())?.[0]?.toString();
export const texts = (entry: DirectoryEntry, attribute: string): readonly string[] =>
  (entry.attributes.get(attribute.toLowerCase()) ?? []).map((value) => value.toString());

/** The entry's UUID, else its name. */
export function idOfEntry(entry: DirectoryEntry): string {
  const guid = entry.attributes.get("objectguid")?.[0];
  return guid ? guidText(guid) : (text(entry, "entryUUID") ?? entry.dn);
}

/** Attributes to ask for besides those wanted. */
export const identity = [
  "entryUUID",
  "objectGUID",
  "modifyTimestamp",
  "modifiersName",
  "whenChanged",
] as const;

/** Who changed the entry last, and when: OpenLDAP says both; Active Directory only when. */
export function changesOf(entry: DirectoryEntry): readonly ObjectChange[] {
  const how = entry.attributes.has("whenchanged") ? "whenChanged" : "modifyTimestamp";
  const at = timeOf(text(entry, how));
  const by = text(entry, "modifiersName");
  return at === undefined ? [] : [{ at, how, ...(by === undefined ? {} : { by }) }];
}

/** Generalised time (RFC 4517, 3.3.13) in ms since the epoch. */
export function timeOf(value: string | undefined): number | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:[.,]\d+)?Z$/.exec(value ?? "") ?? [];
  return year === undefined ? undefined : Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

export class Directory {
  private known: Promise<RootEntry> | undefined;

  constructor(readonly connection: LdapConnection) {}

  /** Asked once. */
  async root(signal: AbortSignal): Promise<RootEntry> {
    this.known ??= this.readRoot(signal);
    try {
      return await this.known;
    } catch (error) {
      this.known = undefined;
      throw error;
    }
  }

  private async readRoot(signal: AbortSignal): Promise<RootEntry> {
    const [root] = await this.connection.search(
      {
        base: "",
        scope: "base",
        filter: "(objectClass=*)",
        attributes: ["namingContexts", "defaultNamingContext", "supportedCapabilities"],
      },
      signal,
    );
    if (root === undefined)
      return fail({
        reason: "permission-denied",
        message: `${this.connection.service} does not show its root entry.`,
        expected: "the right to read the root entry (namingContexts)",
        next: ["Give the provider's user the right to read the root entry."],
      });
    return {
      contexts: texts(root, "namingContexts"),
      defaultContext: text(root, "defaultNamingContext"),
      // LDAP_CAP_ACTIVE_DIRECTORY_OID, MS-ADTS 3.1.1.3.4.3
      isActiveDirectory: texts(root, "supportedCapabilities").includes("1.2.840.113556.1.4.800"),
    };
  }

  /** The entry of this name. */
  async at(
    dn: string,
    attributes: readonly string[],
    signal: AbortSignal,
  ): Promise<DirectoryEntry | undefined> {
    const found = await this.search({ base: dn, scope: "base", attributes }, signal);
    return found[0];
  }

  /** The entry wherever it stands now. Undefined: gone, or not visible to the provider's user. */
  async find(
    { id, dn }: Wanted,
    attributes: readonly string[],
    signal: AbortSignal,
  ): Promise<DirectoryEntry | undefined> {
    if (!isUuid(id)) return isDn(id) ? this.at(id, attributes, signal) : undefined;
    const guess = dn === undefined ? undefined : await this.at(dn, attributes, signal);
    if (guess && idOfEntry(guess) === id.toLowerCase()) return guess;
    return (await this.findMany([{ id, dn: undefined }], attributes, signal))[0];
  }

  /** Many at once, each in its place of the answer: a search per 250, plus one per naming context for those that moved to another. */
  async findMany(
    wanted: readonly Wanted[],
    attributes: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (DirectoryEntry | undefined)[]> {
    const { contexts, isActiveDirectory } = await this.root(signal);
    const found = new Map<string, DirectoryEntry>();
    const left = new Set(wanted.filter(({ id }) => isUuid(id)).map(({ id }) => id.toLowerCase()));
    const seek = async (base: string, ids: readonly string[]): Promise<void> => {
      for (let i = 0; i < ids.length; i += chunkSize) {
        const filters = ids
          .slice(i, i + chunkSize)
          .map((id) =>
            isActiveDirectory
              ? new EqualityFilter({ attribute: "objectGUID", value: guidBytes(id) })
              : new EqualityFilter({ attribute: "entryUUID", value: id }),
          );
        const filter = filters.length === 1 ? (filters[0] as EqualityFilter) : new OrFilter({ filters });
        for (const entry of await this.search({ base, scope: "sub", attributes, filter }, signal)) {
          found.set(idOfEntry(entry), entry);
          left.delete(idOfEntry(entry));
        }
      }
    };
    const home = (dn: string | undefined): string | undefined =>
      dn === undefined
        ? undefined
        : contexts.filter((base) => isBelow(dn, base)).sort((a, b) => b.length - a.length)[0];
    const homes = new Map(wanted.map(({ id, dn }) => [id.toLowerCase(), home(dn)]));
    for (const base of new Set(homes.values()))
      if (base !== undefined)
        await seek(
          base,
          [...left].filter((id) => homes.get(id) === base),
        );
    // Who is not where it was may have moved to another naming context.
    for (const base of contexts)
      await seek(
        base,
        [...left].filter((id) => homes.get(id) !== base),
      );
    return Promise.all(
      wanted.map(async ({ id }) =>
        isUuid(id) ? found.get(id.toLowerCase()) : this.find({ id, dn: undefined }, attributes, signal),
      ),
    );
  }

  /** As the connection's search, with what identifies entries asked for, too. */
  async search(
    query: Omit<Query, "filter"> & { readonly filter?: Query["filter"] },
    signal: AbortSignal,
  ): Promise<readonly DirectoryEntry[]> {
    return this.connection.search(
      { filter: "(objectClass=*)", ...query, attributes: [...query.attributes, ...identity] },
      signal,
    );
  }
}
