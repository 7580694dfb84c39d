/** The machine and the versions that a result comes from. */
import { arch, cpus, platform, release, totalmem } from 'node:os';
import packageFile from '../../package.json' with { type: 'json' };
import type { Fact } from '../report/ReportContent';
import { studioVersion } from '../studio/studioVersion';

export function machineFacts(device: string): readonly Fact[] {
  const processors = cpus();
  return [
    { name: 'processor', value: `${processors[0]?.model.trim() ?? 'unknown'}, ${processors.length} threads` },
    { name: 'memory', value: `${(totalmem() / 2 ** 30).toFixed(0)} GiB` },
    { name: 'system', value: `${platform()} ${release()}, ${arch()}` },
    { name: 'device', value: device },
    { name: 'Node.js', value: process.versions.node },
    { name: 'onnxruntime-node', value: packageFile.dependencies['onnxruntime-node'] },
    { name: 'studio', value: studioVersion },
  ];
}
