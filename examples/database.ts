/** The database behind the pages: a SQLite file with the states of Brazil. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sqlite from 'node-sqlite3-wasm'

export interface Estado {
  readonly uf: string
  readonly nome: string
  readonly capital: string
}

/** Opens the database in a new file, which goes away with `close` or with the process. */
export class EstadosDatabase {
  readonly #directory = mkdtempSync(join(tmpdir(), 'glammp-estados-'))
  readonly #sqlite = new sqlite.Database(join(this.#directory, 'estados.sqlite'))
  readonly #remove = (): void => rmSync(this.#directory, { recursive: true, force: true })

  constructor() {
    process.once('exit', this.#remove)
    this.#sqlite.exec('BEGIN; CREATE TABLE estados (uf TEXT PRIMARY KEY, nome TEXT, capital TEXT)')
    for (const estado of ESTADOS) this.add(estado)
    this.#sqlite.exec('COMMIT')
  }

  add({ uf, nome, capital }: Estado): void {
    this.#sqlite.run('INSERT INTO estados VALUES (?, ?, ?)', [uf, nome, capital])
  }

  remove(uf: string): void {
    this.#sqlite.run('DELETE FROM estados WHERE uf = ?', [uf])
  }

  find(uf: string): Estado | undefined {
    const [row] = this.#sqlite.all('SELECT * FROM estados WHERE uf = ?', [uf])
    return row as unknown as Estado | undefined
  }

  /** All states, by name. */
  list(): Estado[] {
    return this.#sqlite.all('SELECT * FROM estados ORDER BY nome') as unknown as Estado[]
  }

  close(): void {
    this.#sqlite.close()
    process.off('exit', this.#remove)
    this.#remove()
  }
}

const ESTADOS: readonly Estado[] = [
  { uf: 'AC', nome: 'Acre', capital: 'Rio Branco' },
  { uf: 'AL', nome: 'Alagoas', capital: 'Maceió' },
  { uf: 'AP', nome: 'Amapá', capital: 'Macapá' },
  { uf: 'AM', nome: 'Amazonas', capital: 'Manaus' },
  { uf: 'BA', nome: 'Bahia', capital: 'Salvador' },
  { uf: 'CE', nome: 'Ceará', capital: 'Fortaleza' },
  { uf: 'DF', nome: 'Distrito Federal', capital: 'Brasília' },
  { uf: 'ES', nome: 'Espírito Santo', capital: 'Vitória' },
  { uf: 'GO', nome: 'Goiás', capital: 'Goiânia' },
  { uf: 'MA', nome: 'Maranhão', capital: 'São Luís' },
  { uf: 'MT', nome: 'Mato Grosso', capital: 'Cuiabá' },
  { uf: 'MS', nome: 'Mato Grosso do Sul', capital: 'Campo Grande' },
  { uf: 'MG', nome: 'Minas Gerais', capital: 'Belo Horizonte' },
  { uf: 'PA', nome: 'Pará', capital: 'Belém' },
  { uf: 'PB', nome: 'Paraíba', capital: 'João Pessoa' },
  { uf: 'PR', nome: 'Paraná', capital: 'Curitiba' },
  { uf: 'PE', nome: 'Pernambuco', capital: 'Recife' },
  { uf: 'PI', nome: 'Piauí', capital: 'Teresina' },
  { uf: 'RJ', nome: 'Rio de Janeiro', capital: 'Rio de Janeiro' },
  { uf: 'RN', nome: 'Rio Grande do Norte', capital: 'Natal' },
  { uf: 'RS', nome: 'Rio Grande do Sul', capital: 'Porto Alegre' },
  { uf: 'RO', nome: 'Rondônia', capital: 'Porto Velho' },
  { uf: 'RR', nome: 'Roraima', capital: 'Boa Vista' },
  { uf: 'SC', nome: 'Santa Catarina', capital: 'Florianópolis' },
  { uf: 'SP', nome: 'São Paulo', capital: 'São Paulo' },
  { uf: 'SE', nome: 'Sergipe', capital: 'Aracaju' },
  { uf: 'TO', nome: 'Tocantins', capital: 'Palmas' },
]
