/** What files that the studio writes say of who wrote them: 'VDMini Studio 0.1.0'. */
import packageFile from '../../package.json' with { type: 'json' };

export const studioVersion = `VDMini Studio ${packageFile.version}`;
