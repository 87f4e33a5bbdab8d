import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OwnPackages } from './own-packages.js'

interface Chart {
  setOption(option: object): void
  renderToSVGString(): string
  dispose(): void
}
interface Echarts {
  init(
    element: null,
    theme: null,
    options: { renderer: 'svg'; ssr: true; width: number; height: number },
  ): Chart
}

/** One line: its points are pairs of x and y. */
export interface Line {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
}

export interface Plot {
  /** Name of the file, without its end. */
  readonly file: string
  readonly title: string
  readonly x: string
  readonly y: string
  readonly lines: readonly Line[]
}

const SIZE = { width: 720, height: 420 }
/** Ours stands out; the raw sockets are a limit, not a competitor. */
const LOOKS: Readonly<Record<string, object>> = {
  glammp: { lineStyle: { width: 3, color: '#c22' }, itemStyle: { color: '#c22' } },
  'raw sockets': { lineStyle: { type: 'dashed', color: '#888' }, itemStyle: { color: '#888' } },
}
const COLORS = ['#2166ac', '#1b7837', '#b8860b', '#762a83', '#01665e']

const packages = new OwnPackages('plots')

/** Writes plots as SVG, both axes logarithmic, into `results/`. */
export async function draw(plots: readonly Plot[]): Promise<void> {
  packages.install()
  const echarts = packages.load<Echarts>('echarts')
  const folder = join(import.meta.dirname, 'results')
  await mkdir(folder, { recursive: true })
  for (const plot of plots) {
    const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...SIZE })
    chart.setOption(option(plot))
    await writeFile(join(folder, `${plot.file}.svg`), `${chart.renderToSVGString()}\n`)
    chart.dispose()
  }
}

function option({ title, x, y, lines }: Plot): object {
  const axis = { type: 'log', nameLocation: 'middle', splitLine: { show: true } }
  return {
    animation: false,
    backgroundColor: '#fff',
    color: COLORS,
    title: { text: title, left: 'center', textStyle: { fontSize: 15 } },
    legend: { top: 28 },
    grid: { left: 80, right: 24, top: 64, bottom: 56 },
    xAxis: { ...axis, name: x, nameGap: 32, axisLabel: { formatter: short } },
    yAxis: { ...axis, name: y, nameGap: 56, axisLabel: { formatter: short } },
    series: lines.map(({ name, points }) => ({
      type: 'line',
      name,
      data: points,
      symbolSize: 6,
      ...LOOKS[name],
    })),
  }
}

function short(value: number): string {
  if (value >= 1_000_000) return `${value / 1_000_000}M`
  return value >= 1_000 ? `${value / 1_000}k` : String(Number(value.toPrecision(3)))
}
