// What a service of a bench is told to run: of the size that real ones have.

export const currentProcessSpec = {
  command: ['/usr/bin/env', 'node', '/srv/shop/server.js', '--port', '8080', '--log', 'warn'],
  environment: { NODE_ENV: 'production', DATABASE_URL: 'postgres://db.internal/shop', TZ: 'UTC' },
  directory: '/srv/shop',
}
