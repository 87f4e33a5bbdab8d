import { defineConfig } from 'tsup'
import { published } from '../../tsup.shared.js'

export default defineConfig(published)
