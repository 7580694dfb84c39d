/** What files that the studio writes say of who wrote them: 'VDMini Studio 0.1.0'. */
import { version } from '../../package.json';

export const studioVersion = `VDMini Studio ${version}`;
