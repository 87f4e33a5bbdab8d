import ts from 'typescript'

// A hook of node:module: every block, branch and operand of the packages' code counts its runs in
// a byte of `fuzzCoverage`, so that the fuzzer sees which inputs reach something new.

const COUNTED = /\/packages\/(memcache|gearman|wire)\/src\/|\/msgpackr\/unpack\.js/

/** @type {import('node:module').LoadHook} */
export async function load(url, context, next) {
  const loaded = await next(url, context)
  if (!COUNTED.test(url) || loaded.format !== 'module') return loaded
  return { ...loaded, source: instrument(String(loaded.source)) }
}

let used = 0

/** @param {string} code */
function instrument(code) {
  const source = ts.createSourceFile('module.js', code, ts.ScriptTarget.Latest, true)
  const { factory } = ts

  const count = () =>
    factory.createPostfixIncrement(
      factory.createElementAccessExpression(
        factory.createIdentifier('fuzzCoverage'),
        used++ % (1 << 14),
      ),
    )
  const counted = (/** @type {ts.Expression} */ expression) =>
    factory.createParenthesizedExpression(factory.createComma(count(), expression))
  const statement = () => factory.createExpressionStatement(count())

  /** @type {ts.TransformerFactory<ts.SourceFile>} */
  const transformer = (context) => {
    const body = (/** @type {ts.Statement | undefined} */ node) => {
      if (node === undefined || ts.isBlock(node)) return node
      return factory.createBlock([statement(), node])
    }
    /** @type {(node: ts.Node) => ts.Node} */
    const visit = (original) => {
      const node = ts.visitEachChild(original, visit, context)
      if (ts.isBlock(node)) return factory.updateBlock(node, [statement(), ...node.statements])
      if (ts.isCaseClause(node)) {
        return factory.updateCaseClause(node, node.expression, [statement(), ...node.statements])
      }
      if (ts.isDefaultClause(node)) {
        return factory.updateDefaultClause(node, [statement(), ...node.statements])
      }
      if (ts.isConditionalExpression(node)) {
        const { condition, questionToken, whenTrue, colonToken, whenFalse } = node
        const [yes, no] = [counted(whenTrue), counted(whenFalse)]
        return factory.updateConditionalExpression(
          node,
          condition,
          questionToken,
          yes,
          colonToken,
          no,
        )
      }
      if (ts.isBinaryExpression(node) && SHORT.has(node.operatorToken.kind)) {
        return factory.updateBinaryExpression(
          node,
          node.left,
          node.operatorToken,
          counted(node.right),
        )
      }
      if (ts.isIfStatement(node)) {
        const { expression, thenStatement, elseStatement } = node
        return factory.updateIfStatement(
          node,
          expression,
          body(thenStatement) ?? thenStatement,
          body(elseStatement),
        )
      }
      return node
    }
    return (file) => ts.visitEachChild(file, visit, context)
  }
  const { transformed } = ts.transform(source, [transformer])
  return ts.createPrinter().printFile(transformed[0] ?? source)
}

const SHORT = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
])
