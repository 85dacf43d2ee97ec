import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));
const execute = promisify(execFile);

export interface Manifest {
  name: string;
  exports: Record<string, string | { types: string; default: string }>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional?: boolean }>;
}

/** The package as npm would publish it, unpacked; what is in `dist` must be up to date. */
export class PackedPackage {
  private constructor(
    readonly manifest: Manifest,
    /** Paths inside the package. */
    readonly files: readonly string[],
    private readonly tarball: string,
    private readonly folder: string,
  ) {}

  static async pack(): Promise<PackedPackage> {
    const folder = await mkdtemp(join(tmpdir(), 'packed-package-'));
    // The built package is what the other tests ran on: it is not built again.
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const { stdout } = await execute('npm', args, { cwd: root });
    const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
    return new PackedPackage(
      manifest,
      files.map(({ path }) => path),
      join(folder, filename),
      folder,
    );
  }

  /**
   * A folder of an application that has installed the package and the given ones, and no others: an import of the package
   * that it does not declare, or that an entry should not need, fails there. The others are links to those of `release`, a
   * folder with an installed release of Nest, or else to those of this repository.
   */
  async install(
    type: 'module' | 'commonjs',
    dependencies: Iterable<string>,
    release: string = root,
  ): Promise<Application> {
    const application = await mkdtemp(join(this.folder, 'application-'));
    await writeFile(join(application, 'package.json'), JSON.stringify({ private: true, type }));
    const own = join(application, 'node_modules', this.manifest.name);
    await mkdir(own, { recursive: true });
    await execute('tar', ['-xzf', this.tarball, '-C', own, '--strip-components', '1']);
    for (const name of dependencies) {
      const link = join(application, 'node_modules', name);
      await mkdir(dirname(link), { recursive: true });
      const released = join(release, 'node_modules', name);
      await symlink(existsSync(released) ? released : join(root, 'node_modules', name), link);
    }
    return new Application(application);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export class Application {
  constructor(readonly folder: string) {}

  /** Runs a script in the application's folder; resolves with what it prints, read as JSON. */
  async run(script: string, ...flags: string[]): Promise<unknown> {
    const file = join(this.folder, 'script.js');
    await writeFile(file, script);
    const { stdout } = await execute(process.execPath, [...flags, file], { cwd: this.folder });
    return JSON.parse(stdout);
  }

  /**
   * Compiles files that use the package, by name; resolves with the compiler's complaints about them and about the package.
   * Together, as most of the time goes into the types of others.
   */
  async compile(sources: Record<string, string>, options: Record<string, unknown>): Promise<string[]> {
    const files = Object.keys(sources);
    await Promise.all(files.map((file) => writeFile(join(this.folder, file), sources[file]!)));
    await writeFile(
      join(this.folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'es2022',
          strict: true,
          noEmit: true,
          skipLibCheck: true,
          types: ['node'],
          ...options,
        },
        files,
      }),
    );
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const output = await execute(process.execPath, [compiler, '-p', '.', '--pretty', 'false'], {
      cwd: this.folder,
    }).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
    // Complaints about the types of others are theirs.
    const ours = [...files, 'node_modules/nestjs-', 'error'];
    return output.split('\n').filter((line) => ours.some((start) => line.startsWith(start)));
  }
}
