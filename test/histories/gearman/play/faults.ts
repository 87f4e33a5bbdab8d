import type { Direction, FaultProxy } from '../../../support/proxy.js'
import type { FaultAction } from '../program/program.js'

const DIRECTIONS: readonly Direction[] = ['toServer', 'toClient']

/** Begins a fault; what it returns ends it. */
export const breakProxy = (proxy: FaultProxy, action: FaultAction): (() => void) => {
  const { fault, amount } = action
  const directions = DIRECTIONS.filter(
    (each) => action.direction === 'both' || action.direction === each,
  )
  const set = (faults: Parameters<FaultProxy['set']>[1]): void => {
    for (const direction of directions) proxy.set(direction, faults)
  }
  switch (fault) {
    case 'delay':
      set({ delay: amount })
      return () => set({ delay: 0 })
    case 'stall':
      set({ stalled: true })
      return () => set({ stalled: false })
    case 'black hole':
      proxy.stall()
      return () => {
        // What was sent into it never arrives.
        proxy.cut()
        proxy.resume()
      }
    case 'reset':
      proxy.cut('reset')
      return () => undefined
    case 'half-close':
      for (const direction of directions) proxy.halfClose(direction)
      return () => undefined
    case 'cut at byte':
      set({ cutAfter: amount })
      return () => set({ cutAfter: undefined })
    case 'drip':
      set({ pieces: Math.max(16, Math.floor(amount / 4)), rate: amount })
      return () => set({ pieces: 0, rate: 0 })
    case 'bandwidth':
      set({ rate: amount })
      return () => set({ rate: 0 })
    case 'refuse':
      proxy.refuse(true)
      proxy.cut()
      return () => proxy.refuse(false)
  }
}
