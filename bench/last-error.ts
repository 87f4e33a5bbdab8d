/** What a process that failed had to say, in one line of what it wrote. */
export function lastError(text: string): string {
  const lines = text.trim().split('\n')
  return lines.find((line) => /Error/.test(line)) ?? lines.at(-1) ?? ''
}
