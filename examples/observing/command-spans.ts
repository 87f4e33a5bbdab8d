/** Makes an OpenTelemetry span of every command: a program calls `traceCommands()` once. */
import { tracingChannel } from 'node:diagnostics_channel'
import { type CommandMessage, channelNames } from '@glammp/memcache'
import { type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'

export function traceCommands(): void {
  const tracer = trace.getTracer('@glammp/memcache')
  const spans = new WeakMap<CommandMessage, Span>()
  tracingChannel<unknown, CommandMessage>(channelNames.command).subscribe({
    // Published where the call is made, so the span belongs to the span that is active there.
    start(message) {
      const span = tracer.startSpan(`memcached ${message.command}`, {
        kind: SpanKind.CLIENT,
        attributes: {
          'db.system.name': 'memcached',
          'db.operation.name': message.command,
          'db.operation.batch.size': message.keys,
        },
      })
      spans.set(message, span)
    },
    error(message) {
      const span = spans.get(message)
      span?.recordException(message.error as Error)
      span?.setStatus({ code: SpanStatusCode.ERROR, message: String(message.error) })
      span?.setAttribute('error.type', String(message.outcome))
    },
    asyncEnd(message) {
      const span = spans.get(message)
      span?.setAttributes({
        'server.address': message.server ?? '',
        'memcached.bytes': message.bytes,
        'memcached.outcome': message.outcome ?? '',
      })
      span?.end()
    },
    end() {},
    asyncStart() {},
  })
}
