// PromQL as a tree.

import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** What the variables stand for where only the form of a query matters. */
export function withoutVariables(expr: string): string {
  return expr
    .replace(/\$__(rate_interval|interval|range)\b/g, '5m')
    .replace(/\$\{?[a-z_]+\}?/g, 'x');
}

/** Where it is not PromQL; empty where it is. */
export function syntaxErrors(expr: string): string[] {
  const errors: string[] = [];
  parser.parse(expr).iterate({
    enter(node) {
      if (node.type.isError) errors.push(`at ${node.from}: ${expr.slice(node.from, node.to + 20)}`);
    },
  });
  if (expr.trim() === '') errors.push('empty');
  return errors;
}

export interface Selector {
  metric: string;
  matchers: { label: string; sign: string; value: string }[];
  /** The range in brackets, as it is written. */
  range?: string;
  /** Calls and aggregations around it, the innermost first: "rate", "max without (instance, pod)". */
  around: string[];
}

function children(node: SyntaxNode, name: string): SyntaxNode[] {
  return node.getChildren(name);
}

/** Variables may stand where the grammar allows a string or a duration of the same length only. */
const DURATIONS: Record<string, string> = {
  $__rate_interval: '1111111111111ms',
  $__interval: '11111111ms',
  $__range: '11111ms',
};

export function selectorsOf(source: string): Selector[] {
  // Of the same length, so that places in the tree are places in the source.
  const expr = source.replace(/\$__\w+/g, (name) => {
    const stand = DURATIONS[name];
    if (!stand) throw new Error(`unknown variable ${name}`);
    return stand.padStart(name.length, '1').slice(-name.length);
  });
  const text = (node: SyntaxNode) => source.slice(node.from, node.to);
  const selectors: Selector[] = [];
  parser.parse(expr).iterate({
    enter(ref) {
      if (ref.name !== 'VectorSelector') return;
      const node = ref.node;
      const identifier = node.getChild('Identifier');
      const matchers = children(node, 'LabelMatchers').flatMap((list) =>
        children(list, 'UnquotedLabelMatcher').map((matcher) => ({
          label: text(matcher.getChild('LabelName')!),
          sign: text(matcher.getChild('MatchOp')!),
          value: text(matcher.getChild('StringLiteral')!).slice(1, -1),
        })),
      );
      const around: string[] = [];
      let range: string | undefined;
      for (let at = node.parent; at; at = at.parent) {
        if (at.name === 'MatrixSelector') {
          range = /\[([^\]]*)\]$/.exec(text(at))?.[1] ?? '';
        } else if (at.name === 'FunctionCall') {
          around.push(text(at.getChild('FunctionIdentifier')!));
        } else if (at.name === 'AggregateExpr') {
          const modifier = at.getChild('AggregateModifier');
          around.push(
            text(at.getChild('AggregateOp')!) + (modifier ? ` ${text(modifier)}` : ''),
          );
        } else if (at.name === 'BinaryExpr') {
          around.push('operator');
        }
      }
      selectors.push({
        metric: identifier ? text(identifier) : '',
        matchers,
        ...(range === undefined ? {} : { range }),
        around,
      });
    },
  });
  return selectors;
}

/** The labels that are named by `by`, `on`, `group_left` and `group_right`, not by `without`. */
export function labelsIn(expr: string): string[] {
  return [...expr.matchAll(/\b(?:by|on|group_left|group_right) \(([^)]*)\)/g)].flatMap((found) =>
    found[1]!.split(',').map((label) => label.trim()),
  );
}
