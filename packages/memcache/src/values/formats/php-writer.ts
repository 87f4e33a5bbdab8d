import { type PhpSink, writePhp } from './php-value.js'

/**
 * A value as PHP's `serialize` writes it, one character a byte.
 *
 * @throws TypeError for what PHP cannot hold.
 */
export function serializePhp(value: unknown): string {
  const writer = new PhpWriter()
  writePhp(value, writer)
  return writer.text
}

class PhpWriter implements PhpSink {
  text = ''

  null(): void {
    this.text += 'N;'
  }

  boolean(value: boolean): void {
    this.text += value ? 'b:1;' : 'b:0;'
  }

  integer(value: number | bigint): void {
    this.text += `i:${value};`
  }

  double(value: number): void {
    this.text += `d:${doubleText(value)};`
  }

  string(bytes: Buffer): void {
    this.text += `s:${bytes.length}:"${bytes.toString('latin1')}";`
  }

  open(size: number, className?: string): void {
    const head = className === undefined ? 'a' : `O:${className.length}:"${className}"`
    this.text += `${head}:${size}:{`
  }

  close(): void {
    this.text += '}'
  }
}

function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NAN'
  if (!Number.isFinite(value)) return value > 0 ? 'INF' : '-INF'
  return Object.is(value, -0) ? '-0' : String(value)
}
