/**
 * Writes `openapi.json` from what the routes declare, without a database: `npm run openapi`. With `--check` it only
 * says whether the file is up to date.
 */
import './typescript.mjs';
import { readFileSync, writeFileSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';

const { AppModule } = await import('../src/app.module.ts');
const { createLogger } = await import('../src/bootstrap/logger.ts');
const { loadConfig } = await import('../src/config/env.ts');
const { createAdapter } = await import('../src/configure-app.ts');
const { describeApi, openApiText } = await import('../src/openapi.ts');

const file = new URL('../openapi.json', import.meta.url);
const config = loadConfig({ LOG_LEVEL: 'silent' });
const options = { preview: true, logger: false, abortOnError: false };
const app = await NestFactory.create(AppModule.forRoot(config, createLogger(config)), createAdapter(config), options);
const text = openApiText(describeApi(app));

if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write('openapi.json is not what the routes declare: run npm run openapi\n');
  process.exitCode = 1;
}
