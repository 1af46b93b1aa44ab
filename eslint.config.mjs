import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const environment = 'Only src/config/env.ts reads the environment.';
const guessable = { object: 'Math', property: 'random', message: 'Nothing here may be guessed: use node:crypto.' };

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'client/src/api.ts', 'coverage/**', '.cache/**', '.data/**'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: tseslint.configs.recommendedTypeChecked,
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/only-throw-error': 'error',
      // Its fix takes away the types that TypeORM's query() is given where it knows none itself.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // consistent-type-imports stays off: it would turn injected classes into types, and Nest could not inject them.
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      // Taken apart (`const { env } = process`) as well.
      'no-restricted-properties': ['error', guessable, { object: 'process', property: 'env', message: environment }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ImportSpecifier[imported.name="pbkdf2Sync"]', message: 'Only the hash worker may block.' },
        { selector: 'MemberExpression[property.name=/^(inner|outer)HTML$/]', message: 'Text is no markup.' },
        { selector: 'CallExpression[callee.property.name="pbkdf2Sync"]', message: 'Only the hash worker may block.' },
        {
          selector: 'FunctionDeclaration NewExpression[callee.name="RegExp"][arguments.0.type="Identifier"]',
          message: 'No pattern is built from input.',
        },
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            ...['node:child_process', 'child_process'].map((name) => ({
              name,
              message: 'Only the embedded Postgres starts a process.',
            })),
            ...['node:process', 'process'].map((name) => ({ name, importNames: ['env'], message: environment })),
          ],
        },
      ],
    },
  },
  {
    files: ['web/src/**/*.{ts,tsx}'],
    extends: [reactHooks.configs.flat.recommended],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]', message: 'Text is no markup.' },
        { selector: 'MemberExpression[property.name=/^(inner|outer)HTML$/]', message: 'Text is no markup.' },
      ],
      // The router's redirects and "not found" are thrown.
      '@typescript-eslint/only-throw-error': 'off',
    },
  },
  { files: ['src/config/env.ts'], rules: { 'no-restricted-properties': ['error', guessable] } },
  { files: ['src/passwords/pbkdf2.worker.ts'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['src/database/embedded-postgres*.ts'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: ['test/**/*.ts'],
    rules: {
      // What comes over HTTP has no type until the test has looked at it.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-implied-eval': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        module: 'writable',
        setTimeout: 'readonly',
        fetch: 'readonly',
        performance: 'readonly',
      },
    },
  },
  prettier,
);
