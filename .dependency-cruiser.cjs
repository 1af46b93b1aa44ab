/** Who may import whom: modules import downwards only. */
const anyModule =
  '^src/(auth|users|apitokens|sessions|roles|areas|audit|authority|limits|passwords|pages|service|bootstrap|admin)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nobody-imports-auth',
      severity: 'error',
      comment: 'auth knows all others; nobody knows auth, but who only counts',
      from: { path: '^src/', pathNot: '^src/(auth/|metrics/|app\\.module|main|configure-app|bootstrap/|admin)' },
      to: { path: '^src/auth/' },
    },
    {
      name: 'pages-know-no-feature',
      severity: 'error',
      comment: 'they are files; what they show they ask the API for',
      from: { path: '^src/pages/' },
      to: { path: anyModule, pathNot: '^src/pages/' },
    },
    { name: 'access-is-metadata', severity: 'error', from: { path: '^src/access/' }, to: { path: '^src/(?!access/)' } },
    { name: 'common-knows-no-feature', severity: 'error', from: { path: '^src/common/' }, to: { path: anyModule } },
    { name: 'http-knows-no-feature', severity: 'error', from: { path: '^src/http/' }, to: { path: anyModule } },
    {
      name: 'authority-is-below',
      severity: 'error',
      from: { path: '^src/authority/' },
      to: { path: '^src/(auth|users|apitokens|sessions|roles|areas|limits|passwords|service|bootstrap|admin)/' },
    },
    {
      name: 'sessions-stand-on-authority',
      severity: 'error',
      from: { path: '^src/sessions/' },
      to: { path: '^src/(auth|users|apitokens|roles|areas|limits|passwords|service|bootstrap|admin)/' },
    },
    {
      name: 'limits-and-passwords-know-nobody',
      severity: 'error',
      from: { path: '^src/(limits|passwords)/' },
      to: { path: '^src/(auth|users|apitokens|sessions|roles|areas|audit|authority|service|bootstrap|admin)/' },
    },
    {
      name: 'apitokens-know-no-users',
      severity: 'error',
      from: { path: '^src/apitokens/' },
      to: { path: '^src/(auth|users|roles|areas|service|bootstrap|admin)/' },
    },
    {
      name: 'users-know-no-sessions',
      severity: 'error',
      comment: 'ending all sessions of a user is a change of its epoch',
      from: { path: '^src/users/' },
      to: { path: '^src/(auth|sessions|roles|areas|service|bootstrap|admin)/' },
    },
    {
      name: 'roles-and-areas',
      severity: 'error',
      from: { path: '^src/(roles|areas)/' },
      to: { path: '^src/(auth|apitokens|sessions|limits|passwords|service|bootstrap|admin)/' },
    },
    {
      name: 'audit-is-below',
      severity: 'error',
      from: { path: '^src/audit/' },
      to: { path: '^src/(auth|users|apitokens|sessions|roles|areas|authority|passwords|service|bootstrap|admin)/' },
    },
    {
      name: 'stores-are-private',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/[^/]+/.*(\\.entity|\\.store|-store)\\.ts$', pathNot: '^src/$1/' },
    },
    {
      name: 'no-orphans-from-npm',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'unknown'] },
    },
    {
      name: 'client-stands-alone',
      severity: 'error',
      comment: 'a package of its own: what it knows of the service is openapi.json',
      from: { path: '^client/src/' },
      to: { path: '^(src|test|web|scripts)/' },
    },
    {
      name: 'client-runs-anywhere',
      severity: 'error',
      comment: 'its entry ./node alone may need Node',
      from: { path: '^client/src/', pathNot: '^client/src/(node|encrypted-file-store)\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    { name: 'not-unresolvable', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
