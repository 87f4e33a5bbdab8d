/**
 * Every command as an OpenTelemetry span below the span of the request that it served, and the
 * client's own counters. The spans are printed; a program exports them instead.
 *
 *     npx tsx examples/observing/opentelemetry.ts
 */
import { MemcacheClient } from '@glammp/memcache'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { traceCommands } from './command-spans.js'

const exporter = new InMemorySpanExporter()
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
)
traceCommands()

const cache = new MemcacheClient()
const tracer = trace.getTracer('example')

await tracer.startActiveSpan('GET /estados', async (span) => {
  await cache.delete('estados')
  await cache.get('estados')
  await cache.set('estados', ['SC', 'RS', 'SP'], 100)
  await cache.getMany(['estados'])
  // A list is nothing to count with: the span has the error.
  await cache.increment('estados').catch(() => {})
  span.end()
})

const spans = exporter.getFinishedSpans()
const request = spans.find(({ name }) => name === 'GET /estados')
console.log(request?.name)
for (const { name, parentSpanContext, attributes } of spans) {
  if (parentSpanContext?.spanId !== request?.spanContext().spanId) continue
  const { 'memcached.outcome': outcome, 'memcached.bytes': bytes } = attributes
  console.log(`  ${name}: ${outcome}, ${bytes} bytes, on ${attributes['server.address']}`)
}

const { commands, latency, connections } = cache.metrics()
const { calls = 0, hits = 0, misses = 0 } = commands['get'] ?? {}
console.log(`get: ${calls} calls, ${hits} hits, ${misses} misses`)
console.log(`all: ${latency.count} calls, p99 ${latency.p99} ms, ${connections.open} connections`)
await cache.close()
