/**
 * The bytes that open values in igbinary, by its own names. Of those that end in 8, the two that
 * follow (for the LONGs every second one) have numbers of 16 and 32 bits.
 */
export const Igbinary = {
  /** The head of every value. Version 1 had no strings referred to by number. */
  VERSION: 2,
  NULL: 0x00,
  REF8: 0x01,
  FALSE: 0x04,
  TRUE: 0x05,
  /** Followed by the negative one, as is LONG64. */
  LONG8: 0x06,
  DOUBLE: 0x0c,
  STRING_EMPTY: 0x0d,
  STRING_ID8: 0x0e,
  STRING8: 0x11,
  ARRAY8: 0x14,
  OBJECT8: 0x17,
  OBJECT_ID8: 0x1a,
  LONG64: 0x20,
  OBJECT_REF8: 0x22,
  /** The value that follows is referred to elsewhere. */
  SIMPLE_REF: 0x25,
} as const
