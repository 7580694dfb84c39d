/** The studio's version, put in by the build; 'dev' where there is none (tests). */
declare const __STUDIO_VERSION__: string | undefined;

export const studioVersion: string = typeof __STUDIO_VERSION__ === 'string' ? __STUDIO_VERSION__ : 'dev';
