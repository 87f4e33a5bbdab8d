/** Names of the methods of a class and what it extends, up to the first class of Node. */
export const methodsOf = (object: object): string[] => {
  const names: string[] = []
  for (
    let type = Object.getPrototypeOf(object);
    type !== null && !Object.hasOwn(type, 'emit') && type !== Object.prototype;
    type = Object.getPrototypeOf(type)
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(type))) {
      if (typeof value === 'function' && name !== 'constructor') names.push(name)
    }
  }
  return names
}
