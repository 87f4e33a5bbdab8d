export declare const findProgram: (name: string) => string | undefined
export declare const findServer: (name: 'memcached' | 'gearmand') => string | undefined
