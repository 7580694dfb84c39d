/** Symbolic dimensions as exporters write them ("batch", "16*batch", "(h - 1)//2 + 1"), evaluated with bound names. */

type Bindings = ReadonlyMap<string, number>;

/** `undefined` when a name is not bound or the text is no expression of + - * / // ( ) and numbers. */
export function evaluateDim(text: string, bindings: Bindings): number | undefined {
  const direct = bindings.get(text);
  if (direct !== undefined) return direct;
  if (text.length > 200) return undefined; // no exporter writes that, and nesting costs stack
  const tokens = text.match(/\/\/|[A-Za-z_][\w.]*|\d+|[-+*/()]|\S/g);
  if (!tokens) return undefined;
  const state = { tokens, index: 0, bindings };
  const value = sum(state);
  return value !== undefined && state.index === tokens.length && Number.isInteger(value) ? value : undefined;
}

interface State {
  readonly tokens: readonly string[];
  index: number;
  readonly bindings: Bindings;
}

function sum(state: State): number | undefined {
  let value = product(state);
  while (value !== undefined && (state.tokens[state.index] === '+' || state.tokens[state.index] === '-')) {
    const minus = state.tokens[state.index++] === '-';
    const right = product(state);
    value = right === undefined ? undefined : value + (minus ? -right : right);
  }
  return value;
}

function product(state: State): number | undefined {
  let value = atom(state);
  while (value !== undefined && ['*', '/', '//'].includes(state.tokens[state.index] ?? '')) {
    const operator = state.tokens[state.index++];
    const right = atom(state);
    if (right === undefined || (right === 0 && operator !== '*')) return undefined;
    value = operator === '*' ? value * right : operator === '//' ? Math.floor(value / right) : value / right;
  }
  return value;
}

function atom(state: State): number | undefined {
  const token = state.tokens[state.index++];
  if (token === undefined) return undefined;
  if (token === '-') {
    const value = atom(state);
    return value === undefined ? undefined : -value;
  }
  if (token === '(') {
    const value = sum(state);
    return state.tokens[state.index++] === ')' ? value : undefined;
  }
  return /^\d+$/.test(token) ? Number(token) : state.bindings.get(token);
}
