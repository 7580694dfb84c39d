/** Software WebGPU for onnxruntime in Node: the driver that Debian's Chromium brings, by the system's Vulkan loader. */
import { existsSync } from 'node:fs';

const drivers = ['/usr/lib/chromium/vk_swiftshader_icd.json'];
const loaders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'].map(
  (folder) => `${folder}/libvulkan.so.1`,
);

/** What VK_ICD_FILENAMES has to say; undefined where the driver or the loader (Debian's `libvulkan1`) is missing. */
export const softwareVulkan: string | undefined = loaders.some((path) => existsSync(path))
  ? drivers.find((path) => existsSync(path))
  : undefined;
