/**
 * Where a property stands in a program's text: a resource knows the place of its constructor, and a failure the path of the property.
 * Read with TypeScript's own parser, which takes files that do not compile as well, and which is loaded only when somebody has to be shown a place.
 */
import { createRequire } from "node:module";
import { extname } from "node:path";
import type * as ts from "typescript";
import type { PathSegment, PropertyPath } from "../model/path.js";

/** A piece of one line. Line and column count from 1. */
export interface Span {
  readonly line: number;
  readonly column: number;
  /** Characters, at least one; what goes on in the next line is not counted. */
  readonly length: number;
}

export interface Place extends Span {
  /** What was asked for begins here: the call or `new` around the property. */
  readonly call: Span;
  /** How many segments of the path were found in the text: 0 is the call itself. */
  readonly depth: number;
}

export interface Wanted {
  /** The place of a constructor or a call, as stack traces have it. */
  readonly at: { readonly line: number; readonly column: number };
  /** The property among its arguments. */
  readonly path?: PropertyPath;
  /** The resource's name, which tells the calls of a helper function apart. */
  readonly name?: string;
}

type TypeScript = typeof ts;

const kinds: Readonly<Record<string, keyof typeof ts.ScriptKind>> = {
  ".ts": "TS",
  ".mts": "TS",
  ".cts": "TS",
  ".tsx": "TSX",
  ".js": "JS",
  ".mjs": "JS",
  ".cjs": "JS",
  ".jsx": "JSX",
};

/** A file whose places can be looked for; undefined for one that is no program text. */
export function openSource(file: string, text: string): Source | undefined {
  const kind = kinds[extname(file).toLowerCase()];
  if (kind === undefined) return undefined;
  const typescript = createRequire(import.meta.url)("typescript") as TypeScript;
  const { ScriptKind, ScriptTarget } = typescript;
  const tree = typescript.createSourceFile(file, text, ScriptTarget.Latest, true, ScriptKind[kind]);
  return new Source(typescript, tree);
}

/** What was found, and how much of the path led there. */
interface Found {
  readonly node: ts.Node;
  readonly depth: number;
}

/** Chains of helpers that call each other end. */
const furthest = 40;

export class Source {
  constructor(
    readonly ts: TypeScript,
    readonly tree: ts.SourceFile,
  ) {}

  /** The property, or what comes nearest to it on the way; the call itself where nothing of the path is written out. Undefined where no call is at the place. */
  find({ at, path = [], name }: Wanted): Place | undefined {
    const call = this.#callAt(at);
    if (call === undefined) {
      const word = this.#wordAt(at);
      return word === undefined ? undefined : { ...word, call: word, depth: 0 };
    }
    const head = this.#spanOf(call);
    let best: Found = { node: call, depth: 0 };
    if (path.length > 0)
      for (const argument of call.arguments ?? []) {
        const found = this.#search(argument, path, { name, steps: 0 });
        if (found.depth > best.depth) best = found;
        // Options come after the arguments; what is in both is meant to be an argument.
        if (best.depth === path.length) break;
      }
    return { ...(best.depth === 0 ? head : this.#spanOf(best.node)), call: head, depth: best.depth };
  }

  /** Names that are seen at a place: declared around it, and imported. */
  namesAt(at: Wanted["at"]): readonly string[] {
    const { ts, tree } = this;
    const start = tree.getLineStarts()[at.line - 1];
    if (start === undefined) return [];
    const position = start + at.column - 1;
    const names = new Set<string>();
    const bind = (name: ts.Node | undefined): void => {
      if (name === undefined) return;
      if (ts.isIdentifier(name)) names.add(name.text);
      else if (ts.isObjectBindingPattern(name) || ts.isArrayBindingPattern(name))
        for (const element of name.elements) if (ts.isBindingElement(element)) bind(element.name);
    };
    const visit = (node: ts.Node): void => {
      const around = position >= node.getFullStart() && position < node.getEnd();
      if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isEnumDeclaration(node))
        bind(node.name);
      if (ts.isVariableDeclaration(node) || (ts.isParameter(node) && around)) bind(node.name);
      if (ts.isImportClause(node) || ts.isNamespaceImport(node) || ts.isImportSpecifier(node))
        bind(node.name);
      // What is declared in a function or a block is seen only in it.
      if ((ts.isFunctionLike(node) || ts.isBlock(node) || ts.isClassLike(node)) && !around) return;
      ts.forEachChild(node, visit);
    };
    visit(tree);
    return [...names];
  }

  /** Texts in the lines that are or look like secrets, so that no line with one is shown as it stands. */
  secrets(firstLine: number, lastLine: number): readonly Span[] {
    const { ts } = this;
    const found: Span[] = [];
    const text = (node: ts.Node): void => {
      if (
        ts.isStringLiteralLike(node) ||
        ts.isTemplateHead(node) ||
        ts.isTemplateMiddleOrTemplateTail(node)
      ) {
        const start = this.tree.getLineAndCharacterOfPosition(node.getStart(this.tree));
        const end = this.tree.getLineAndCharacterOfPosition(node.getEnd());
        for (let line = start.line; line <= end.line; line++) {
          if (line + 1 < firstLine || line + 1 > lastLine) continue;
          const from = line === start.line ? start.character : 0;
          const to = line === end.line ? end.character : this.#lineEnd(line);
          if (to > from) found.push({ line: line + 1, column: from + 1, length: to - from });
        }
      }
      ts.forEachChild(node, text);
    };
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && /(^|\.)secret$/.test(node.expression.getText(this.tree)))
        node.arguments.forEach(text);
      else if (
        (ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node)) &&
        secretName.test(node.name.getText(this.tree)) &&
        node.initializer !== undefined &&
        (ts.isStringLiteralLike(node.initializer) || ts.isTemplateExpression(node.initializer))
      )
        text(node.initializer);
      else ts.forEachChild(node, visit);
    };
    visit(this.tree);
    return found;
  }

  #lineEnd(line: number): number {
    const starts = this.tree.getLineStarts();
    const end = starts[line + 1] ?? this.tree.text.length + 1;
    return end - 1 - (starts[line] as number);
  }

  /** The innermost call that a stack trace would give this place: V8 names `new`, or the last name of what is called. */
  #callAt(at: Wanted["at"]): ts.CallExpression | ts.NewExpression | undefined {
    const { ts, tree } = this;
    const start = tree.getLineStarts()[at.line - 1];
    if (start === undefined) return undefined;
    const position = start + at.column - 1;
    let found: ts.CallExpression | ts.NewExpression | undefined;
    const visit = (node: ts.Node): void => {
      if (position < node.getFullStart() || position >= node.getEnd()) return;
      if (
        (ts.isNewExpression(node) && node.getStart(tree) === position) ||
        (ts.isCallExpression(node) &&
          (node.expression.getStart(tree) === position ||
            lastName(ts, node.expression).getStart(tree) === position))
      )
        found = node;
      ts.forEachChild(node, visit);
    };
    visit(tree);
    return found;
  }

  /** A name or a text that begins at the place. */
  #wordAt(at: Wanted["at"]): Span | undefined {
    const { ts, tree } = this;
    const position = (tree.getLineStarts()[at.line - 1] ?? Number.NaN) + at.column - 1;
    let found: ts.Node | undefined;
    const visit = (node: ts.Node): void => {
      if (!(position >= node.getFullStart() && position < node.getEnd())) return;
      if (node.getStart(tree) === position && (ts.isIdentifier(node) || ts.isStringLiteralLike(node)))
        found = node;
      ts.forEachChild(node, visit);
    };
    visit(tree);
    return found === undefined ? undefined : this.#spanOf(found);
  }

  #spanOf(node: ts.Node): Span {
    const { ts, tree } = this;
    let start = node.getStart(tree);
    let end = node.getEnd();
    if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
      // Without the arguments: they can be long, and say nothing of the place.
      end = node.expression.getEnd();
      if (ts.isCallExpression(node)) start = lastName(ts, node.expression).getStart(tree);
    } else if (
      ts.isPropertyAssignment(node) &&
      (tree.text.slice(start, end).includes("\n") || end - start > 60)
    )
      end = node.name.getEnd();
    const { line, character } = tree.getLineAndCharacterOfPosition(start);
    const lineEnd = (tree.getLineStarts()[line] as number) + this.#lineEnd(line);
    return { line: line + 1, column: character + 1, length: Math.max(1, Math.min(end, lineEnd) - start) };
  }

  /** How far the path can be followed through what the expression is written as. */
  #search(
    given: ts.Node,
    path: PropertyPath,
    how: { readonly name: string | undefined; steps: number },
  ): Found {
    const { ts } = this;
    const node = this.#bare(given);
    const none: Found = { node, depth: 0 };
    const [segment, ...rest] = path;
    if (segment === undefined || how.steps++ > furthest) return none;
    const best = (nodes: Iterable<ts.Node>): Found => {
      let found = none;
      for (const each of nodes) {
        const next = this.#search(each, path, how);
        if (next.depth > found.depth) found = next;
      }
      return found;
    };
    const within = (place: ts.Node, value: ts.Node | undefined): Found => {
      const deeper = value === undefined ? none : this.#search(value, rest, how);
      return deeper.depth > 0 ? { node: deeper.node, depth: deeper.depth + 1 } : { node: place, depth: 1 };
    };
    if (ts.isObjectLiteralExpression(node)) {
      for (const property of node.properties) {
        if (ts.isSpreadAssignment(property) || this.#nameOf(property.name) !== String(segment)) continue;
        if (ts.isPropertyAssignment(property)) return within(property, property.initializer);
        return within(property, ts.isShorthandPropertyAssignment(property) ? property.name : undefined);
      }
      // The last one wins.
      return best(
        node.properties
          .filter((property) => ts.isSpreadAssignment(property))
          .map((property) => property.expression)
          .reverse(),
      );
    }
    if (ts.isArrayLiteralExpression(node)) {
      if (typeof segment !== "number") {
        const chosen = this.#itemWith(node, segment);
        return chosen === undefined ? none : within(chosen, chosen);
      }
      const before = node.elements.slice(0, segment + 1);
      const element = before[segment];
      // Behind a spread nobody can count.
      if (element === undefined || before.some((each) => ts.isSpreadElement(each))) return none;
      return within(element, element);
    }
    if (ts.isConditionalExpression(node)) return best([node.whenTrue, node.whenFalse]);
    if (ts.isBinaryExpression(node)) return best([node.left, node.right]);
    if (ts.isIdentifier(node)) return this.#searchName(node, path, how);
    if (ts.isPropertyAccessExpression(node))
      return this.#searchInside(node.expression, node.name.text, path, how);
    if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression))
      return this.#searchInside(node.expression, node.argumentExpression.text, path, how);
    if (ts.isCallExpression(node)) {
      const name = lastName(ts, node.expression).getText(this.tree);
      const callback = node.arguments.find(
        (each) => ts.isArrowFunction(each) || ts.isFunctionExpression(each),
      );
      if (callback !== undefined) {
        // `items.map((item) => ({ … }))` makes every element, `output.apply((value) => ({ … }))` the value.
        if (name !== "map" && name !== "flatMap") return best(returned(ts, callback));
        if (typeof segment !== "number") return none;
        let found: Found = none;
        for (const each of returned(ts, callback)) found = deeper(found, within(each, each));
        return found;
      }
      if (ts.isIdentifier(node.expression)) {
        const declared = this.#declarationOf(node.expression);
        const made = declared === undefined ? undefined : functionOf(ts, declared);
        if (made !== undefined) return best(returned(ts, made));
      }
      // `pulumi.output({ … })`, `pulumi.secret([ … ])`, `defineArgs({ … })`.
      return best(node.arguments);
    }
    return none;
  }

  /** The item that `name="web"` tells among its neighbours: as Kubernetes names places in lists that have keys. */
  #itemWith(list: ts.ArrayLiteralExpression, selector: string): ts.Expression | undefined {
    const { ts } = this;
    const [, key, wanted = ""] = /^([^=]+)=(.*)$/.exec(selector) ?? [];
    return list.elements.find((element) => {
      const item = this.#bare(element);
      if (key === undefined || !ts.isObjectLiteralExpression(item)) return false;
      return item.properties.some(
        (property) =>
          ts.isPropertyAssignment(property) &&
          this.#nameOf(property.name) === key &&
          (ts.isStringLiteralLike(property.initializer) || ts.isNumericLiteral(property.initializer)) &&
          property.initializer.text === wanted,
      );
    });
  }

  /** `args.ports` with the path `[0].name`: what `args` is, with the path `ports[0].name`. */
  #searchInside(
    node: ts.Expression,
    member: string,
    path: PropertyPath,
    how: { readonly name: string | undefined; steps: number },
  ): Found {
    const found = this.#search(node, [member, ...path], how);
    return { node: found.node, depth: Math.max(0, found.depth - 1) };
  }

  #searchName(
    name: ts.Identifier,
    path: PropertyPath,
    how: { readonly name: string | undefined; steps: number },
  ): Found {
    const { ts } = this;
    const none: Found = { node: name, depth: 0 };
    const declared = this.#declarationOf(name);
    if (declared === undefined) return none;
    if (ts.isVariableDeclaration(declared))
      return declared.initializer === undefined ? none : this.#search(declared.initializer, path, how);
    const inside: PathSegment[] = [];
    let at: ts.Node = declared;
    while (ts.isBindingElement(at)) {
      const element: ts.BindingElement = at;
      const key = this.#nameOf(element.propertyName ?? element.name);
      if (key === undefined || element.dotDotDotToken !== undefined) return none;
      inside.unshift(key);
      at = element.parent.parent;
    }
    const whole = [...inside, ...path];
    let value: ts.Node | undefined;
    if (ts.isVariableDeclaration(at)) value = at.initializer;
    else if (ts.isParameter(at)) value = this.#argumentFor(at, how.name);
    if (value === undefined) return none;
    const found = this.#search(value, whole, how);
    return { node: found.node, depth: Math.max(0, found.depth - inside.length) };
  }

  /** What the helper or the class of a parameter is called with in this file: by its only call, or by the only one that names the resource. */
  #argumentFor(parameter: ts.ParameterDeclaration, resource: string | undefined): ts.Node | undefined {
    const { ts, tree } = this;
    const made = parameter.parent;
    const index = made.parameters.indexOf(parameter);
    const named = ts.isConstructorDeclaration(made)
      ? made.parent.name
      : ts.isFunctionDeclaration(made)
        ? made.name
        : ts.isVariableDeclaration(made.parent)
          ? made.parent.name
          : undefined;
    if (named === undefined || !ts.isIdentifier(named)) return undefined;
    const calls: (ts.CallExpression | ts.NewExpression)[] = [];
    const visit = (node: ts.Node): void => {
      if (
        (ts.isCallExpression(node) || ts.isNewExpression(node)) &&
        ts.isIdentifier(node.expression) &&
        node.expression.text === named.text
      )
        calls.push(node);
      ts.forEachChild(node, visit);
    };
    visit(tree);
    const naming = calls.filter(({ arguments: given }) =>
      given?.some(
        (each) =>
          ts.isStringLiteralLike(each) &&
          each.text !== "" &&
          (resource ?? "").split(/[^\w]+/).includes(each.text),
      ),
    );
    const exact = calls.filter(({ arguments: given }) =>
      given?.some((each) => ts.isStringLiteralLike(each) && each.text === resource),
    );
    const only = [exact, naming, calls].find((list) => list.length === 1)?.[0];
    return only?.arguments?.[index];
  }

  /** The declaration of a name that is seen from where it is used: the nearest, going outwards. */
  #declarationOf(
    name: ts.Identifier,
  ):
    | ts.VariableDeclaration
    | ts.ParameterDeclaration
    | ts.BindingElement
    | ts.FunctionDeclaration
    | undefined {
    const { ts } = this;
    type Declaration = ts.VariableDeclaration | ts.ParameterDeclaration | ts.BindingElement;
    const among = (each: Declaration): Declaration | undefined => {
      if (ts.isIdentifier(each.name)) return each.name.text === name.text ? each : undefined;
      for (const element of each.name.elements) {
        const found = ts.isBindingElement(element) ? among(element) : undefined;
        if (found !== undefined) return found;
      }
      return undefined;
    };
    for (let scope: ts.Node | undefined = name.parent; scope !== undefined; scope = scope.parent) {
      if (ts.isFunctionLike(scope))
        for (const parameter of scope.parameters) {
          const found = ts.isParameter(parameter) ? among(parameter) : undefined;
          if (found !== undefined) return found;
        }
      if (
        !ts.isBlock(scope) &&
        !ts.isSourceFile(scope) &&
        !ts.isForOfStatement(scope) &&
        !ts.isModuleBlock(scope)
      )
        continue;
      const statements = ts.isForOfStatement(scope) ? [] : scope.statements;
      for (const statement of statements) {
        if (ts.isFunctionDeclaration(statement) && statement.name?.text === name.text) return statement;
        if (!ts.isVariableStatement(statement)) continue;
        for (const declaration of statement.declarationList.declarations) {
          const found = among(declaration);
          if (found !== undefined) return found;
        }
      }
    }
    return undefined;
  }

  /** Without parentheses, casts and the like. */
  #bare(given: ts.Node): ts.Node {
    const { ts } = this;
    let node = given;
    while (
      ts.isParenthesizedExpression(node) ||
      ts.isAsExpression(node) ||
      ts.isSatisfiesExpression(node) ||
      ts.isNonNullExpression(node) ||
      ts.isTypeAssertionExpression(node) ||
      ts.isAwaitExpression(node) ||
      ts.isSpreadElement(node)
    )
      node = node.expression;
    return node;
  }

  #nameOf(name: ts.PropertyName | ts.BindingName | undefined): string | undefined {
    const { ts } = this;
    if (name === undefined) return undefined;
    if (ts.isIdentifier(name) || ts.isStringLiteralLike(name) || ts.isNumericLiteral(name)) return name.text;
    if (ts.isComputedPropertyName(name) && ts.isStringLiteralLike(name.expression))
      return name.expression.text;
    return undefined;
  }
}

/** Words in names of properties whose values nobody should see on a screen that others see too. */
const secretName =
  /(passw(or)?d|passphrase|secret|token|credential|private_?key|api_?key|access_?key)s?["']?$/i;

const deeper = (a: Found, b: Found): Found => (b.depth > a.depth ? b : a);

/** Of `a.b.c` the `c`. */
function lastName(ts: TypeScript, node: ts.Expression): ts.Node {
  return ts.isPropertyAccessExpression(node) ? node.name : node;
}

function functionOf(ts: TypeScript, declared: ts.Node): ts.FunctionLikeDeclaration | undefined {
  if (ts.isFunctionDeclaration(declared)) return declared;
  const made = ts.isVariableDeclaration(declared) ? declared.initializer : undefined;
  return made !== undefined && (ts.isArrowFunction(made) || ts.isFunctionExpression(made)) ? made : undefined;
}

/** What a function gives back, without what functions inside it do. */
function returned(ts: TypeScript, made: ts.FunctionLikeDeclaration): ts.Node[] {
  if (made.body === undefined) return [];
  if (!ts.isBlock(made.body)) return [made.body];
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return;
    if (ts.isReturnStatement(node) && node.expression !== undefined) found.push(node.expression);
    ts.forEachChild(node, visit);
  };
  visit(made.body);
  return found;
}
