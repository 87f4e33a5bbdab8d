export declare const findProgram: (name: string) => string | undefined
